package distribution

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func valid() Config {
	return Config{
		CallerReference: "one",
		S3Origin:        S3Origin{DomainName: "films.s3.amazonaws.com"},
		PriceClass:      PriceClassAll,
		Enabled:         true,
	}
}

func codeOf(t *testing.T, err error) ErrorCode {
	t.Helper()
	var e *Error
	require.ErrorAs(t, err, &e)
	require.NotEmpty(t, e.Message)
	require.Equal(t, string(e.Code)+": "+e.Message, err.Error())
	return e.Code
}

func TestValidate(t *testing.T) {
	t.Parallel()
	many := func(n int, format string) (items []string) {
		for i := range n {
			items = append(items, fmt.Sprintf(format, i))
		}
		return items
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		code   ErrorCode
	}{
		{"valid", func(*Config) {}, ""},
		{"no caller reference", func(c *Config) { c.CallerReference = "" }, InvalidArgument},
		{"longest comment", func(c *Config) { c.Comment = strings.Repeat("ä", 128) }, ""},
		{"comment too long", func(c *Config) { c.Comment = strings.Repeat("a", 129) }, InvalidArgument},
		{"price class 100", func(c *Config) { c.PriceClass = PriceClass100 }, ""},
		{"price class 200", func(c *Config) { c.PriceClass = PriceClass200 }, ""},
		{"no price class", func(c *Config) { c.PriceClass = "" }, ""},
		{"another price class", func(c *Config) { c.PriceClass = "PriceClass_300" }, InvalidArgument},
		{"no origin", func(c *Config) { c.S3Origin.DomainName = "" }, InvalidOrigin},
		{"custom origin", func(c *Config) { c.S3Origin.DomainName = "media.example.com" }, InvalidOrigin},
		{"path style", func(c *Config) { c.S3Origin.DomainName = "s3.amazonaws.com/films" }, InvalidOrigin},
		{"no bucket", func(c *Config) { c.S3Origin.DomainName = "s3.amazonaws.com" }, InvalidOrigin},
		{"accelerated", func(c *Config) { c.S3Origin.DomainName = "films.s3-accelerate.amazonaws.com" }, InvalidOrigin},
		{"website", func(c *Config) { c.S3Origin.DomainName = "films.s3-website-us-east-1.amazonaws.com" }, InvalidOrigin},
		{"upper case", func(c *Config) { c.S3Origin.DomainName = "Films.s3.amazonaws.com" }, InvalidOrigin},
		{"space", func(c *Config) { c.S3Origin.DomainName = "my films.s3.amazonaws.com" }, InvalidOrigin},
		{"short bucket", func(c *Config) { c.S3Origin.DomainName = "ab.s3.amazonaws.com" }, InvalidOrigin},
		{"long bucket", func(c *Config) { c.S3Origin.DomainName = strings.Repeat("a", 64) + ".s3.amazonaws.com" }, InvalidOrigin},
		{"address", func(c *Config) { c.S3Origin.DomainName = "192.0.2.1.s3.amazonaws.com" }, InvalidOrigin},
		{"two dots", func(c *Config) { c.S3Origin.DomainName = "my..films.s3.amazonaws.com" }, InvalidOrigin},
		{"identity", func(c *Config) { c.S3Origin.OriginAccessIdentity = "origin-access-identity/cloudfront/E74FTE3AJFJ256A" }, ""},
		{"bare identity", func(c *Config) { c.S3Origin.OriginAccessIdentity = "E74FTE3AJFJ256A" }, InvalidOriginAccessIdentity},
		{"empty identity", func(c *Config) { c.S3Origin.OriginAccessIdentity = "origin-access-identity/cloudfront/" }, InvalidOriginAccessIdentity},
		{"strange identity", func(c *Config) { c.S3Origin.OriginAccessIdentity = "origin-access-identity/cloudfront/E/../x" }, InvalidOriginAccessIdentity},
		{"aliases", func(c *Config) {
			c.Aliases = []string{"a.example.com", "*.example.com", "example.com", "media_1.example.com", "localhost"}
		}, ""},
		{"most aliases", func(c *Config) { c.Aliases = many(100, "a%d.example.com") }, ""},
		{"too many aliases", func(c *Config) { c.Aliases = many(101, "a%d.example.com") }, TooManyStreamingDistributionCNAMEs},
		{"alias in upper case", func(c *Config) { c.Aliases = []string{"A.example.com"} }, InvalidArgument},
		{"alias twice", func(c *Config) { c.Aliases = []string{"a.example.com", "a.example.com"} }, InvalidArgument},
		{"alias with port", func(c *Config) { c.Aliases = []string{"a.example.com:1935"} }, InvalidArgument},
		{"empty alias", func(c *Config) { c.Aliases = []string{""} }, InvalidArgument},
		{"trailing dot", func(c *Config) { c.Aliases = []string{"a.example.com."} }, InvalidArgument},
		{"wildcard in the middle", func(c *Config) { c.Aliases = []string{"a.*.example.com"} }, InvalidArgument},
		{"wildcard in a label", func(c *Config) { c.Aliases = []string{"*a.example.com"} }, InvalidArgument},
		{"wildcard of a top-level domain", func(c *Config) { c.Aliases = []string{"*.com"} }, InvalidArgument},
		{"bare wildcard", func(c *Config) { c.Aliases = []string{"*"} }, InvalidArgument},
		{"CloudFront's own name", func(c *Config) { c.Aliases = []string{"s5c39gqb8ow64r.cloudfront.net"} }, InvalidArgument},
		{"all of CloudFront", func(c *Config) { c.Aliases = []string{"*.cloudfront.net"} }, InvalidArgument},
		{"long label", func(c *Config) { c.Aliases = []string{strings.Repeat("a", 64) + ".example.com"} }, InvalidArgument},
		{"long alias", func(c *Config) { c.Aliases = []string{strings.Repeat("a.", 130) + "com"} }, InvalidArgument},
		{"logging", func(c *Config) { c.Logging = Logging{true, "logs.s3.amazonaws.com", "p/"} }, ""},
		{"logging nowhere", func(c *Config) { c.Logging.Enabled = true }, InvalidArgument},
		{"logging off", func(c *Config) { c.Logging = Logging{false, "whatever", "p/"} }, ""},
		{"signers", func(c *Config) { c.TrustedSigners = TrustedSigners{true, []string{Self, "123456789012"}} }, ""},
		{"most signers", func(c *Config) { c.TrustedSigners = TrustedSigners{true, many(5, "12345678901%d")} }, ""},
		{"too many signers", func(c *Config) { c.TrustedSigners = TrustedSigners{true, many(6, "12345678901%d")} }, TooManyTrustedSigners},
		{"signers off", func(c *Config) { c.TrustedSigners = TrustedSigners{false, []string{Self}} }, InvalidArgument},
		{"no signers", func(c *Config) { c.TrustedSigners.Enabled = true }, InvalidArgument},
		{"not an account", func(c *Config) { c.TrustedSigners = TrustedSigners{true, []string{"1234"}} }, TrustedSignerDoesNotExist},
		{"account with dashes", func(c *Config) { c.TrustedSigners = TrustedSigners{true, []string{"1234-5678-90"}} }, TrustedSignerDoesNotExist},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config := valid()
			c.change(&config)
			err := config.Validate()
			if c.code == "" {
				require.NoError(t, err)
			} else {
				require.Equal(t, c.code, codeOf(t, err))
			}
		})
	}
}

func TestBucket(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ domain, bucket, region string }{
		{"films.s3.amazonaws.com", "films", ""},
		{"films.s3.eu-west-1.amazonaws.com", "films", "eu-west-1"},
		{"films.s3-eu-west-1.amazonaws.com", "films", "eu-west-1"},
		{"films.s3-external-1.amazonaws.com", "films", "external-1"},
		{"my.films.s3.amazonaws.com", "my.films", ""},
		{"my.s3.films.s3.us-west-2.amazonaws.com", "my.s3.films", "us-west-2"},
		{"films.s3.cn-north-1.amazonaws.com.cn", "films", "cn-north-1"},
		{"films.s3x.amazonaws.com", "", ""},
		{"films.s3.a.b.amazonaws.com", "", ""},
		{"films.s3.amazonaws.com.example.com", "", ""},
	} {
		bucket, region := S3Origin{DomainName: c.domain}.Bucket()
		require.Equal(t, c.bucket, bucket, c.domain)
		require.Equal(t, c.region, region, c.domain)
	}
	require.Equal(t, "E74FTE3AJFJ256A", S3Origin{OriginAccessIdentity: "origin-access-identity/cloudfront/E74FTE3AJFJ256A"}.Identity())
	require.Empty(t, S3Origin{}.Identity())
}

func TestParse(t *testing.T) {
	t.Parallel()
	exported, err := os.ReadFile("testdata/get-streaming-distribution-config.json")
	require.NoError(t, err)
	d, err := Parse(exported)
	require.NoError(t, err)
	want := Config{
		CallerReference: "20200615-1",
		S3Origin:        S3Origin{"example-media.s3.amazonaws.com", "origin-access-identity/cloudfront/E74FTE3AJFJ256A"},
		Aliases:         []string{"stream.example.com", "*.media.example.com"},
		Comment:         "vod",
		Logging:         Logging{true, "example-logs.s3.amazonaws.com", "rtmp/"},
		TrustedSigners:  TrustedSigners{true, []string{Self, "123456789012"}},
		PriceClass:      PriceClassAll,
		Enabled:         true,
	}
	require.Equal(t, &Distribution{ETag: "E2QWRUHEXAMPLE", Config: want}, d)

	text, err := json.Marshal(want)
	require.NoError(t, err)
	var whole struct{ StreamingDistributionConfig json.RawMessage }
	require.NoError(t, json.Unmarshal(exported, &whole))
	require.JSONEq(t, string(whole.StreamingDistributionConfig), string(text), "what is written is what was read")
	d, err = Parse(text)
	require.NoError(t, err, "a bare configuration")
	require.Equal(t, &Distribution{Config: want}, d)

	exported, err = os.ReadFile("testdata/get-streaming-distribution.json")
	require.NoError(t, err)
	d, err = Parse(exported)
	require.NoError(t, err)
	require.Equal(t, "EGTXBD79EXAMPLE", d.ID)
	require.Equal(t, "s5c39gqb8ow64r.cloudfront.net", d.DomainName)
	require.Equal(t, "E2QWRUHEXAMPLE", d.ETag)
	require.Equal(t, PriceClass100, d.Config.PriceClass)
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	good, err := json.Marshal(valid())
	require.NoError(t, err)
	edit := func(old, new string) string {
		require.Contains(t, string(good), old)
		return strings.Replace(string(good), old, new, 1)
	}
	for _, c := range []struct {
		name, text string
		code       ErrorCode
	}{
		{"good", string(good), ""},
		{"nothing", "", InvalidArgument},
		{"null", "null", InvalidArgument},
		{"array", "[]", InvalidArgument},
		{"truncated", string(good[:20]), InvalidArgument},
		{"trailing text", string(good) + "{}", InvalidArgument},
		{"empty object", "{}", InvalidArgument},
		{"quantity", edit(`"Aliases":{"Quantity":0}`, `"Aliases":{"Quantity":1}`), InconsistentQuantities},
		{"quantity of signers", edit(`"Enabled":false,"Quantity":0`, `"Enabled":true,"Quantity":1,"Items":["self","123456789012"]`), InconsistentQuantities},
		{"no aliases", edit(`"Aliases":{"Quantity":0},`, ""), ""},
		{"no logging", edit(`"Logging":{"Enabled":false,"Bucket":"","Prefix":""},`, ""), ""},
		{"misspelt", edit(`"TrustedSigners"`, `"TrustedSigner"`), InvalidArgument},
		{"no signers", edit(`"TrustedSigners":{"Enabled":false,"Quantity":0},`, ""), InvalidArgument},
		{"null signers", edit(`{"Enabled":false,"Quantity":0}`, "null"), InvalidArgument},
		{"empty signers", edit(`{"Enabled":false,"Quantity":0}`, "{}"), InvalidArgument},
		{"unknown member of a member", edit(`"Prefix":""`, `"Prefix":"","IncludeCookies":false`), InvalidArgument},
		{"wrong type", edit(`"Enabled":true`, `"Enabled":"true"`), InvalidArgument},
		{"not valid", edit("films.s3.amazonaws.com", "films"), InvalidOrigin},
		{"whole, not valid", `{"ETag":"E1","StreamingDistributionConfig":` + edit("films.s3.amazonaws.com", "films") + "}", InvalidOrigin},
		{"whole, incomplete", `{"ETag":"E1","StreamingDistributionConfig":{}}`, InvalidArgument},
		{"strange id", `{"StreamingDistribution":{"Id":"../x","StreamingDistributionConfig":` + string(good) + "}}", InvalidArgument},
		{"strange domain name", `{"StreamingDistribution":{"DomainName":"x","StreamingDistributionConfig":` + string(good) + "}}", InvalidArgument},
		{"too long", string(good) + strings.Repeat(" ", maxFileBytes), InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse([]byte(c.text))
			if c.code == "" {
				require.NoError(t, err)
			} else {
				require.Equal(t, c.code, codeOf(t, err))
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/get-streaming-distribution-config.json", "testdata/get-streaming-distribution.json"} {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Add([]byte(`{"Aliases":{"Items":[` + strings.Repeat(`"",`, 100_000) + `""]}}`))
	f.Add([]byte(strings.Repeat(`{"StreamingDistribution":`, 10_000)))
	f.Add([]byte(strings.Repeat("[", 20_000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d *Distribution
		var err error
		bytes := allocated(func() { d, err = Parse(data) })
		require.Less(t, bytes, uint64(1<<20+200*len(data)))
		if err != nil {
			require.IsType(t, new(Error), err)
			return
		}
		text, err := json.Marshal(d.Config)
		require.NoError(t, err)
		again, err := Parse(text)
		require.NoError(t, err)
		require.True(t, again.Config.Equal(&d.Config))
	})
}
