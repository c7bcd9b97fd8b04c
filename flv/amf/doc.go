// Package amf encodes and decodes the Action Message Format, AMF0 and AMF3.
package amf
