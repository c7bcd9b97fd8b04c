#!/bin/sh
# Makes clip.flv, clip.mp4 and clip.mp3: two seconds of a test picture, with B-frames and two key frames, and of a tone.
# Needs ffmpeg with libx264 and libmp3lame (Debian: ffmpeg).
set -eu
cd "$(dirname "$0")"

exact="-fflags +bitexact -flags:v +bitexact -flags:a +bitexact"
ffmpeg -hide_banner -loglevel error -y -f lavfi -i testsrc2=s=96x64:r=25:d=2 -f lavfi -i sine=440:r=22050:d=2 \
    -c:v libx264 -profile:v main -preset veryslow -crf 38 -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 -pix_fmt yuv420p \
    -c:a aac -b:a 16k -ac 1 $exact -movflags +faststart clip.mp4
ffmpeg -hide_banner -loglevel error -y -i clip.mp4 -map 0 -c copy $exact clip.flv
ffmpeg -hide_banner -loglevel error -y -f lavfi -i sine=440:r=22050:d=2 -c:a libmp3lame -b:a 16k -ac 1 $exact clip.mp3
ls -l clip.flv clip.mp4 clip.mp3
