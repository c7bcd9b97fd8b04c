package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/seed-3309b198/reelfront/distribution"
	"github.com/seed-3309b198/reelfront/internal/strangers"
	"github.com/seed-3309b198/reelfront/rtmp"
)

// gateway is a S3 server whose users have a secret of the form NAMEsecret.
type gateway struct {
	url    string
	client *s3.Client // of its owner
}

func startGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{url: strangers.Versitygw(t)}
	g.client = s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &g.url, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(strangers.OwnerKey, strangers.OwnerSecret, ""),
	})
	return g
}

// addUser adds somebody who may do nothing until a bucket's policy says so.
func (g *gateway) addUser(t *testing.T, name string) {
	t.Helper()
	got := strangers.Run(t, "versitygw", "admin", "--access", strangers.OwnerKey, "--secret", strangers.OwnerSecret, "--endpoint-url", g.url,
		"create-user", "--access", name, "--secret", name+"secret", "--role", "user")
	require.NoError(t, got.Err, got.Stderr)
}

// addBucket adds a bucket with the demo clip, which principal may read: a user, "*" for everybody, or "" for nobody.
func (g *gateway) addBucket(t *testing.T, name, principal string) {
	t.Helper()
	_, err := g.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(t, err)
	clip, err := demoFiles.Open("demo/demo.mp4")
	require.NoError(t, err)
	defer clip.Close()
	key := "demo.mp4"
	_, err = g.client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key, Body: clip.(io.ReadSeeker)})
	require.NoError(t, err)
	if principal == "" {
		return
	}
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":[%q]},"Action":"s3:GetObject","Resource":"arn:aws:s3:::%s/*"}]}`,
		principal, name)
	_, err = g.client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: &policy})
	require.NoError(t, err)
}

// profiles writes a file of credentials, for the AWS SDK to find, in which each user has a profile.
func profiles(t *testing.T, users ...string) {
	t.Helper()
	var text strings.Builder
	for _, user := range users {
		fmt.Fprintf(&text, "[%s]\naws_access_key_id = %[1]s\naws_secret_access_key = %[1]ssecret\n", user)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", write(t, "credentials", []byte(text.String())))
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
}

// A distribution reads its bucket as its origin access identity, or else as anybody; and gets what these may read on S3.
func TestOriginAccessIdentities(t *testing.T) {
	g := startGateway(t)
	for _, user := range []string{"identity", "somebody"} {
		g.addUser(t, user)
	}
	g.addBucket(t, "restricted", "identity")
	g.addBucket(t, "public", "*")
	g.addBucket(t, "closed", "")
	profiles(t, "identity", "somebody", "nobody") // the last is no user of the server's

	s3URL := "s3://{bucket}?region=us-east-1&use_path_style=true&endpoint=" + g.url
	args := []string{"-origin", s3URL + "&profile=identity", "-identity", "EIDENTITY=" + s3URL + "&profile=identity",
		"-identity", "ESOMEBODY=" + s3URL + "&profile=somebody", "-identity", "ENOBODY=" + s3URL + "&profile=nobody"}
	cases := []struct {
		bucket, identity string
		plays            bool
	}{
		{"restricted", "EIDENTITY", true},
		{"restricted", "ESOMEBODY", false},
		{"restricted", "ENOBODY", false},
		{"restricted", "", false},
		{"public", "EIDENTITY", true},
		{"public", "ESOMEBODY", true},
		{"public", "", true},
		{"closed", "EIDENTITY", false},
		{"closed", "", false},
	}
	host := func(i int) string { return fmt.Sprintf("h%d.example.com", i) }
	for i, c := range cases {
		args = append(args, "-distribution", writeConfig(t, films(func(d *distribution.Config) {
			d.CallerReference, d.Aliases, d.S3Origin.DomainName = host(i), []string{host(i)}, c.bucket+".s3.amazonaws.com"
			if c.identity != "" {
				d.S3Origin.OriginAccessIdentity = "origin-access-identity/cloudfront/" + c.identity
			}
		})))
	}
	p := start(t, args...)
	for i, c := range cases {
		s, err := p.seat(t, host(i))
		require.NoError(t, err)
		tags, err := play(context.Background(), s, "mp4:demo.mp4")
		if c.plays {
			require.NoError(t, err, "%+v", c)
			require.NotEmpty(t, tags)
			continue
		}
		requireCode(t, rtmp.CodeStreamFailed, err)
		require.ErrorContains(t, err, "Failed to play  (stream ID: ")
		require.Empty(t, tags, "%+v", c)
	}
}
