package amf_test

import (
	"fmt"

	"github.com/seed-3309b198/reelfront/flv/amf"
)

func Example() {
	body, err := amf.Append(nil, "connect", 1, amf.Object{{Key: "app", Value: "vod"}, {Key: "audioCodecs", Value: 4071}})
	if err != nil {
		fmt.Println(err)
		return
	}
	values, err := amf.Decode(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	command, _ := amf.Properties(values[2])
	codecs, _ := command.Number("audioCodecs")
	fmt.Println(values[0], values[1], command.String("app"), codecs)
	// Output: connect 1 vod 4071
}
