package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allowed is whom each package may import beside Go's own library. A name without a dot is a package of this module; one
// that ends in /... stands for all packages below. What is not here is not allowed.
var allowed = map[string][]string{
	"flv/amf":   {},
	"flv":       {"flv/amf", codecs},
	"flv/mp4":   {"flv", "flv/amf", codecs},
	"flv/mp3":   {"flv", "flv/amf", codecs},
	"flv/demux": {"flv", "flv/mp4", "flv/mp3"},

	"rtmp/handshake": {},
	"rtmp/chunk":     {},
	"rtmp/tunnel":    {},
	"rtmp/door":      {"rtmp/tunnel", "github.com/pires/go-proxyproto"},
	"rtmp":           {"flv", "flv/amf", "rtmp/handshake", "rtmp/chunk", "rtmp/door"},
	"rtmp/vod":       {"rtmp", "flv", "flv/amf", "flv/demux", "origin"},
	"rtmp/rtmptest":  {"rtmp", "rtmp/vod", "flv", "flv/demux", "origin"},

	"origin":            {"golang.org/x/sync/...", "github.com/maypok86/otter/v2"},
	"origin/bucket":     {"origin", "gocloud.dev/blob", "gocloud.dev/gcerrors"},
	"origin/web":        {"origin"},
	"origin/origintest": {"origin"},

	"signer":                 {},
	"distribution":           {"rtmp", "rtmp/vod", "flv", "flv/amf", "origin", "signer"},
	"distribution/store":     {"distribution", "gocloud.dev/blob", "gocloud.dev/gcerrors"},
	"distribution/api":       {"distribution", "signer"},
	"distribution/accesslog": {"distribution", "rtmp", "gocloud.dev/blob"},
}

const codecs = "github.com/bluenviron/mediacommon/v2/pkg/codecs/..."

func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range libraries(t) {
		rules, known := allowed[p.path()]
		require.True(t, known, "%s is not in the table of allowed imports", p.path())
		for _, path := range p.Imports {
			if !standard(path) && !slices.ContainsFunc(rules, func(rule string) bool { return matches(rule, path) }) {
				t.Errorf("%s may not import %s", p.path(), path)
			}
		}
	}
}

// TestStrangers holds that tests alone import what is for them, and no program either.
func TestStrangers(t *testing.T) {
	t.Parallel()
	all, err := packages()
	require.NoError(t, err)
	for _, p := range all {
		require.NotContains(t, p.Deps, module+"/internal/strangers", p.path())
	}
}

func matches(rule, path string) bool {
	if !strings.Contains(rule, ".") {
		rule = module + "/" + rule
	}
	if below, all := strings.CutSuffix(rule, "/..."); all {
		return strings.HasPrefix(path, below+"/")
	}
	return path == rule
}

// clouds are what a program links only if it asks for it: bucket drivers and the clouds' own libraries.
var clouds = []string{
	"gocloud.dev/blob/", "github.com/aws/", "cloud.google.com/", "github.com/Azure/", "github.com/AzureAD/",
}

func cloud(path string) bool {
	if path == "gocloud.dev/blob/driver" { // the interface of them all
		return false
	}
	return slices.ContainsFunc(clouds, func(c string) bool { return strings.HasPrefix(path, c) })
}

// TestDependencies holds what a program links that imports a package: packages of this module, and other modules.
func TestDependencies(t *testing.T) {
	t.Parallel()
	modules := modulesOf(t)
	for _, p := range libraries(t) {
		t.Run(p.path(), func(t *testing.T) {
			require.Equal(t, -1, slices.IndexFunc(p.Deps, cloud), "a library links a cloud's code: %s", p.Deps)
			var deps []string
			for _, d := range p.Deps {
				switch m := modules[d]; m {
				case "": // Go's own
				case module:
					deps = append(deps, strings.TrimPrefix(d, module+"/"))
				default:
					deps = append(deps, m)
				}
			}
			slices.Sort(deps)
			golden(t, "deps", &p, slices.Compact(deps))
		})
	}
	noStrays(t, "deps")
}

// modulesOf tells the module of each package that is not of Go's own library.
func modulesOf(t *testing.T) map[string]string {
	t.Helper()
	out, err := goList("-deps", "-f", "{{with .Module}}{{$.ImportPath}} {{.Path}}{{end}}", "./...")
	require.NoError(t, err)
	modules := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, of, _ := strings.Cut(strings.TrimSpace(line), " ")
		modules[path] = of
	}
	return modules
}
