package distribution

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNew(t *testing.T) {
	t.Parallel()
	d, err := New(valid())
	require.NoError(t, err)
	require.Regexp(t, regexp.MustCompile(`^E[A-Z0-9]{13}$`), d.ID)
	require.Regexp(t, regexp.MustCompile(`^s[a-z0-9]{13}\.cloudfront\.net$`), d.DomainName)
	require.Regexp(t, regexp.MustCompile(`^E[A-Z0-9]{13}$`), d.ETag)
	require.Equal(t, StatusInProgress, d.Status)
	require.False(t, d.LastModified.IsZero())

	c := valid()
	c.Logging = Logging{Bucket: "logs.s3.amazonaws.com", Prefix: "p"}
	c.PriceClass = ""
	e, err := New(c)
	require.NoError(t, err)
	require.Equal(t, Logging{}, e.Config.Logging, "values of a log that is off are dropped")
	require.Equal(t, PriceClassAll, e.Config.PriceClass)
	require.NotEqual(t, d.ID, e.ID)

	_, err = New(Config{})
	require.Equal(t, InvalidArgument, codeOf(t, err))
}

func TestWithConfig(t *testing.T) {
	t.Parallel()
	d, err := New(valid())
	require.NoError(t, err)
	c := valid()
	c.Comment, c.S3Origin.OriginAccessIdentity = "new", "origin-access-identity/cloudfront/E1"
	n, err := d.WithConfig(c)
	require.NoError(t, err)
	require.Equal(t, []string{d.ID, d.DomainName, "new"}, []string{n.ID, n.DomainName, n.Config.Comment})
	require.NotEqual(t, d.ETag, n.ETag)
	require.Empty(t, d.Config.Comment)

	for _, change := range []func(*Config){
		func(c *Config) { c.CallerReference = "two" },
		func(c *Config) { c.S3Origin.DomainName = "other.s3.amazonaws.com" },
	} {
		c := valid()
		change(&c)
		_, err = d.WithConfig(c)
		require.Equal(t, IllegalUpdate, codeOf(t, err))
	}
}

func TestTableByHost(t *testing.T) {
	t.Parallel()
	films := &Distribution{ID: "E1", DomainName: "s111111111111.cloudfront.net", Config: Config{Aliases: []string{"films.example.com", "*.films.example.com"}}}
	wild := &Distribution{ID: "E2", DomainName: "s222222222222.cloudfront.net", Config: Config{Aliases: []string{"*.example.com", "example.com"}}}
	table, err := NewTable(films, wild)
	require.NoError(t, err)
	for host, want := range map[string]*Distribution{
		"s111111111111.cloudfront.net": films,
		"s333333333333.cloudfront.net": nil,
		"films.example.com":            films,
		"a.films.example.com":          films,
		"a.b.films.example.com":        films,
		"music.example.com":            wild,
		"marketing.music.example.com":  wild,
		"example.com":                  wild,
		"badexample.com":               nil,
		"example.org":                  nil,
		"com":                          nil,
		"":                             nil,
		".example.com":                 wild, // no host name: hostOf never makes one
		"192.0.2.1":                    nil,
	} {
		require.Same(t, want, table.ByHost(host), host)
	}
	require.Same(t, wild, table.ByID("E2"))
	require.Nil(t, table.ByID("E3"))
	require.Equal(t, []*Distribution{films, wild}, table.All())
}

func TestNewTableConflicts(t *testing.T) {
	t.Parallel()
	one := &Distribution{ID: "E1", DomainName: "s1.cloudfront.net", Config: Config{Aliases: []string{"a.example.com", "*.example.com"}}}
	for _, c := range []struct {
		other *Distribution
		code  ErrorCode
	}{
		{&Distribution{ID: "E1", DomainName: "s2.cloudfront.net"}, StreamingDistributionAlreadyExists},
		{&Distribution{ID: "E2", DomainName: "s1.cloudfront.net"}, CNAMEAlreadyExists},
		{&Distribution{ID: "E2", DomainName: "s2.cloudfront.net", Config: Config{Aliases: []string{"a.example.com"}}}, CNAMEAlreadyExists},
		{&Distribution{ID: "E2", DomainName: "s2.cloudfront.net", Config: Config{Aliases: []string{"*.example.com"}}}, CNAMEAlreadyExists},
	} {
		_, err := NewTable(one, c.other)
		require.Equal(t, c.code, codeOf(t, err))
	}
	for _, incomplete := range []*Distribution{{ID: "E2"}, {DomainName: "s2.cloudfront.net"}} {
		_, err := NewTable(one, incomplete) // it would answer to clients that name no host
		require.Equal(t, InvalidArgument, codeOf(t, err))
	}
	_, err := NewTable(one, &Distribution{ID: "E2", DomainName: "s2.cloudfront.net", Config: Config{Aliases: []string{"*.a.example.com", "b.example.com"}}})
	require.NoError(t, err, "names may overlap with wildcards")
}

func TestMemory(t *testing.T) {
	t.Parallel()
	m := new(Memory)
	require.Nil(t, m.ByHost("films.example.com"))
	require.Nil(t, m.ByID("E1"))
	require.Empty(t, m.All())

	c := valid()
	c.Aliases = []string{"films.example.com"}
	d, err := m.Create(c)
	require.NoError(t, err)
	require.Equal(t, StatusDeployed, d.Status)
	require.Same(t, d, m.ByHost("films.example.com"))
	require.Same(t, d, m.ByHost(d.DomainName))
	require.Same(t, d, m.ByID(d.ID))

	again, err := m.Create(c)
	require.NoError(t, err)
	require.Same(t, d, again, "the same reference and configuration")
	c.Comment = "other"
	_, err = m.Create(c)
	require.Equal(t, StreamingDistributionAlreadyExists, codeOf(t, err))
	c.CallerReference = "two"
	_, err = m.Create(c)
	require.Equal(t, CNAMEAlreadyExists, codeOf(t, err))
	require.Len(t, m.All(), 1)

	update := d.Config
	update.Aliases, update.Enabled = []string{"new.example.com"}, false
	_, err = m.Update("E0", d.ETag, update)
	require.Equal(t, NoSuchStreamingDistribution, codeOf(t, err))
	_, err = m.Update(d.ID, "", update)
	require.Equal(t, InvalidIfMatchVersion, codeOf(t, err))
	_, err = m.Update(d.ID, "E0", update)
	require.Equal(t, PreconditionFailed, codeOf(t, err))
	require.Equal(t, StreamingDistributionNotDisabled, codeOf(t, m.Delete(d.ID, d.ETag)))
	n, err := m.Update(d.ID, d.ETag, update)
	require.NoError(t, err)
	require.Nil(t, m.ByHost("films.example.com"))
	require.Same(t, n, m.ByHost("new.example.com"))

	require.Equal(t, PreconditionFailed, codeOf(t, m.Delete(d.ID, d.ETag)))
	require.NoError(t, m.Delete(n.ID, n.ETag))
	require.Equal(t, NoSuchStreamingDistribution, codeOf(t, m.Delete(n.ID, n.ETag)))
	require.Nil(t, m.ByHost("new.example.com"))
}

func TestMemoryLoad(t *testing.T) {
	t.Parallel()
	m := new(Memory)
	bare := &Distribution{ETag: "E1", Config: valid()}
	first, err := m.Load(bare)
	require.NoError(t, err)
	require.NotEmpty(t, first.ID)
	require.Empty(t, bare.ID)

	same, err := m.Load(bare)
	require.NoError(t, err)
	require.Equal(t, []string{first.ID, first.DomainName, "E1"}, []string{same.ID, same.DomainName, same.ETag})

	edited := &Distribution{ETag: "E1", Config: valid()}
	edited.Config.Comment = "edited after the export"
	next, err := m.Load(edited)
	require.NoError(t, err)
	require.Equal(t, first.ID, next.ID)
	require.NotEqual(t, "E1", next.ETag)
	require.Len(t, m.All(), 1)

	named := &Distribution{ID: "EGTXBD79EXAMPLE", DomainName: "s5c39gqb8ow64r.cloudfront.net", Config: valid()}
	_, err = m.Load(named)
	require.Equal(t, StreamingDistributionAlreadyExists, codeOf(t, err), "the caller reference is another's")
	named.Config.CallerReference = "two"
	got, err := m.Load(named)
	require.NoError(t, err)
	require.Equal(t, "EGTXBD79EXAMPLE", got.ID)
	require.Same(t, got, m.ByHost("s5c39gqb8ow64r.cloudfront.net"))

	_, err = m.Load(&Distribution{Config: Config{CallerReference: "x"}})
	require.Equal(t, InvalidOrigin, codeOf(t, err))
}

func TestHostOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, host string
		ok        bool
	}{
		{"rtmp://s5c39gqb8ow64r.cloudfront.net/cfx/st", "s5c39gqb8ow64r.cloudfront.net", true},
		{"rtmp://S5C39.CloudFront.net:1935/cfx/st", "s5c39.cloudfront.net", true},
		{"rtmpte://films.example.com.:80/cfx/st", "films.example.com", true},
		{"'rtmp://films.example.com/cfx/st'", "films.example.com", true},
		{`"rtmp://films.example.com/cfx/st"`, "films.example.com", true},
		{"rtmp://user:secret@films.example.com/cfx/st", "films.example.com", true},
		{"rtmp://films.example.com?x=1", "films.example.com", true},
		{"rtmp://films.example.com", "films.example.com", true},
		{"films.example.com:1935/cfx/st", "films.example.com", true},
		{"rtmp://127.0.0.1:1935/cfx/st", "127.0.0.1", true},
		{"rtmp://[::1]:1935/cfx/st", "::1", true},
		{"rtmp://[2001:DB8::1]/cfx/st", "2001:db8::1", true},
		{"rtmp://::1/cfx/st", "::1", true},
		{"", "", true},
		{"rtmp:///cfx/st", "", true},
		{"rtmp://:1935/cfx/st", "", true},
		{"/cfx/st", "", true},
		{"rtmp://films example.com/cfx/st", "films example.com", false},
		{"rtmp://%66ilms/cfx/st", "%66ilms", false},
		{"rtmp://[nonsense/cfx/st", "nonsense", true},
		{"rtmp://f\x00/cfx/st", "f\x00", false},
		{"rtmp://a..b/cfx/st", "a..b", false},
		{"rtmp://" + strings.Repeat("a.", 200) + "com/cfx", strings.Repeat("a.", 200) + "com", false},
	} {
		host, ok := hostOf(c.url)
		require.Equal(t, c.host, host, c.url)
		require.Equal(t, c.ok, ok, c.url)
	}
}

func FuzzHostOf(f *testing.F) {
	f.Add("rtmp://[::1]:1935/cfx/st")
	f.Add("'rtmp://User@A.example.com.:80/")
	f.Add("rtmp://" + strings.Repeat("a.", 20_000) + "@" + strings.Repeat("[:", 20_000))
	f.Fuzz(func(t *testing.T, url string) {
		var host string
		var ok bool
		require.Less(t, allocated(func() { host, ok = hostOf(url) }), uint64(1<<20+10*len(url)))
		if ok {
			require.LessOrEqual(t, len(host), maxHostBytes)
			require.Equal(t, strings.ToLower(host), host)
			require.NotContains(t, host, "/")
		}
	})
}

func BenchmarkByHost(b *testing.B) {
	m := new(Memory)
	for range 100 {
		c := valid()
		c.CallerReference = newID()
		c.Aliases = []string{strings.ToLower(newID()) + ".example.com"}
		_, err := m.Create(c)
		require.NoError(b, err)
	}
	host := m.All()[50].Config.Aliases[0]
	b.ReportAllocs()
	for b.Loop() {
		if m.ByHost(host) == nil {
			b.Fatal("not found")
		}
	}
}
