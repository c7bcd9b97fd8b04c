#!/bin/sh
# Makes demo.flv, demo.mp4 and demo.mp3, the clip that the edge plays when it is given no origin: ten seconds of a film
# reel and a tune, out of nothing but ffmpeg's own sources. Needs ffmpeg with libx264 and libmp3lame, and the DejaVu fonts
# (Debian: ffmpeg fonts-dejavu-core).
set -eu
cd "$(dirname "$0")"

seconds=10
bold=${FONT_BOLD:-/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf}
plain=${FONT:-/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf}
mono=${FONT_MONO:-/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf}

# A reel that turns: a disc with a hub and five round holes, as the alpha of a pale square.
reel="st(0,hypot(X-119.5,Y-119.5)); st(1,mod(atan2(Y-119.5,X-119.5)+20*PI-1.3*T,2*PI/5)-PI/5);
255*clip(116-ld(0),0,1)*clip(hypot(ld(0)*cos(ld(1))-68,ld(0)*sin(ld(1)))-30,0,1)*clip(ld(0)-13,0,1)"

# A strip of film that runs: rounded perforations, 44 pixels apart.
strip="st(0,abs(mod(X+66*T,44)-22)-6); st(1,abs(Y-23.5)-5); 235-215*clip(hypot(max(ld(0),0),max(ld(1),0))-4,0,1)"

video="
gradients=s=854x480:r=30:d=$seconds:c0=0x0b1026:c1=0x14506b:c2=0x3b1d5a:c3=0x0d2b45:nb_colors=4:x0=0:y0=0:x1=854:y1=480:speed=0.012:seed=7,
  format=yuv420p,vignette=PI/5[back];
color=0xf2e9dc:s=240x240:r=30:d=$seconds,format=rgba[pale];
nullsrc=s=240x240:r=30:d=$seconds,format=gray,geq=lum='$reel'[shape];
[pale][shape]alphamerge,fade=in:st=0.2:d=0.8:alpha=1[reel];
nullsrc=s=854x48:r=30:d=$seconds,format=gray,geq=lum='$strip',format=yuv420p,split[upper][lower];
[back][reel]overlay=x=70:y=120[a];
[a][upper]overlay=x=0:y=0[b];
[b][lower]overlay=x=0:y=432,
  drawtext=fontfile=$bold:text=Reelfront:fontsize=84:fontcolor=0xfff8ee:x=350:y=165:alpha='clip((t-0.6)/0.9,0,1)':shadowcolor=black@0.45:shadowx=3:shadowy=3,
  drawtext=fontfile=$plain:text='video on demand over RTMP':fontsize=31:fontcolor=0x9fd8e6:x=356:y=268:alpha='clip((t-1.5)/0.9,0,1)',
  drawtext=fontfile=$mono:text='%{pts\\:hms}':fontsize=24:fontcolor=0xf2e9dc@0.85:x=342:y=325,
  drawbox=x=0:y=428:w=854:h=4:color=0xf2e9dc@0.15:t=fill[c];
color=0xe8a33d:s=854x4:r=30:d=$seconds[bar];
[c][bar]overlay=x='-854+854*t/$seconds':y=428:shortest=1,fade=in:d=0.4,fade=out:st=$((seconds - 1)):d=1[v]"

# Five bars of two seconds, C Am F G C: broken chords with an echo over a soft pad, in semitones from middle C.
chord="st(0,floor(t/2)); st(1,if(eq(ld(0),1),-3,if(eq(ld(0),2),-7,if(eq(ld(0),3),-5,0)))); st(2,if(eq(ld(0),1),3,4))"
step="st(3,mod(floor(t*4),8)); st(4,if(eq(ld(3),0),0,if(eq(ld(3),1)+eq(ld(3),7),ld(2),if(eq(ld(3),2)+eq(ld(3),6),7,if(eq(ld(3),4),12+ld(2),12)))))"
voice="st(5,mod(t,0.25)); st(6,523.25*pow(2,(ld(1)+ld(4))/12)); 0.30*min(ld(5)*120,1)*exp(-7*ld(5))*(sin(2*PI*ld(6)*t)+0.35*sin(4*PI*ld(6)*t)*exp(-9*ld(5)))"
pad="st(7,261.63*pow(2,ld(1)/12)); 0.07*sin(PI*mod(t,2)/2)*(sin(2*PI*ld(7)*t)+sin(2*PI*ld(7)*pow(2,ld(2)/12)*t)+sin(2*PI*ld(7)*pow(2,7/12)*t)+1.4*sin(PI*ld(7)*t))"
audio="aevalsrc='$chord; $step; $voice|$chord; $step; $voice':s=44100:d=$seconds,aecho=0.85:0.7:190|310:0.35|0.22[melody];
aevalsrc='$chord; $pad|$chord; $pad':s=44100:d=$seconds[pad];
[melody][pad]amix=inputs=2:normalize=0,atrim=0:$seconds,volume=1.35,alimiter=limit=0.9,afade=in:d=0.05,afade=out:st=$((seconds - 2)):d=2[a]"

title="-metadata title=Reelfront"
ffmpeg -hide_banner -loglevel error -y -filter_complex "$video; $audio" -map '[v]' -map '[a]' -t $seconds \
    -c:v libx264 -profile:v high -level 3.1 -preset veryslow -crf 24 -maxrate 500k -bufsize 1000k -bf 3 -g 60 -keyint_min 60 -sc_threshold 0 \
    -pix_fmt yuv420p -c:a aac -b:a 96k -ac 2 $title -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -movflags +faststart demo.mp4
ffmpeg -hide_banner -loglevel error -y -i demo.mp4 -map 0 -c copy $title -fflags +bitexact -flvflags add_keyframe_index demo.flv
ffmpeg -hide_banner -loglevel error -y -filter_complex "$audio" -map '[a]' -t $seconds \
    -c:a libmp3lame -b:a 96k -ac 2 -id3v2_version 3 $title -metadata artist=Reelfront -fflags +bitexact demo.mp3
ls -l demo.flv demo.mp4 demo.mp3
