// Package flv is the media of RTMP: tags, which are RTMP's audio, video and data messages; files seen as tags; and the
// FLV container itself.
package flv
