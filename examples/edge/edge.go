package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/seed-3309b198/reelfront/distribution"
	"github.com/seed-3309b198/reelfront/origin"
	"github.com/seed-3309b198/reelfront/signer"
)

// newEdge makes the edge of the command line, and what closes it again. What is wrong with a distribution is an error now,
// not its first viewer's.
func newEdge(ctx context.Context, o *options, log *slog.Logger) (*distribution.Edge, func(), error) {
	set, byDefault, err := loadDistributions(o)
	if err != nil {
		return nil, nil, err
	}
	keys, weak, err := loadKeys(o.publicKeys)
	if err != nil {
		return nil, nil, err
	}
	cache := &origin.Cache{MemoryBytes: o.cacheMemory, Dir: o.cacheDir, DirBytes: o.cacheSize}
	if err := cache.Prepare(); err != nil {
		return nil, nil, fmt.Errorf("-cache-dir: %w", errors.Join(err, cache.Close()))
	}
	origins, closeOrigins, err := openOrigins(ctx, o)
	if err != nil {
		return nil, nil, errors.Join(err, cache.Close())
	}
	edge := &distribution.Edge{
		Set:            set,
		Default:        byDefault,
		Origins:        origins,
		Cache:          cache,
		Keys:           keys,
		WaitForMissing: o.waitForMissing,
		Logger:         log,
	}
	for _, k := range weak {
		log.Warn("a signer's key has under 2048 bits", "account", k.account, "key", k.id)
	}
	if err := prepare(ctx, edge, set, len(o.distributions) > 0, log); err != nil {
		return nil, nil, errors.Join(err, cache.Close(), closeOrigins())
	}
	return edge, func() {
		if err := errors.Join(cache.Close(), closeOrigins()); err != nil {
			log.Warn("closing failed", "err", err)
		}
	}, nil
}

// prepare opens what the distributions need, and tells of those that were given.
func prepare(ctx context.Context, edge *distribution.Edge, set *distribution.Memory, given bool, log *slog.Logger) error {
	for _, d := range set.All() {
		if given {
			log.Info("distribution", "id", d.ID, "domain", d.DomainName, "aliases", d.Config.Aliases,
				"bucket", d.Config.S3Origin.DomainName, "enabled", d.Config.Enabled)
		}
		if !d.Config.Enabled {
			continue
		}
		switch err := edge.Prepare(ctx, d); {
		case err != nil && given:
			return fmt.Errorf("-origin: distribution %s: %w", d.ID, err)
		case err != nil:
			return fmt.Errorf("-origin: %w", err)
		}
	}
	return nil
}

// loadDistributions reads the distributions of -distribution, or makes one that answers to every host.
func loadDistributions(o *options) (*distribution.Memory, string, error) {
	set := &distribution.Memory{}
	if len(o.distributions) == 0 {
		d, err := set.Create(distribution.Config{
			CallerReference: "edge",
			S3Origin:        distribution.S3Origin{DomainName: demoBucket + ".s3.amazonaws.com"},
			Comment:         "Answers to every host.",
			Enabled:         true,
		})
		if err != nil {
			return nil, "", err
		}
		return set, d.ID, nil
	}
	for _, file := range o.distributions {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, "", fmt.Errorf("-distribution: %w", err)
		}
		d, err := distribution.Parse(data)
		if err == nil {
			_, err = set.Load(d)
		}
		if err != nil {
			return nil, "", fmt.Errorf("-distribution %s: %w", file, err)
		}
	}
	switch id := o.defaultDistribution; {
	case id == "":
		return set, "", nil
	case id == "first":
		return set, set.All()[0].ID, nil
	case set.ByID(id) == nil:
		return nil, "", fmt.Errorf("-default-distribution: there is no distribution %s", id)
	default:
		return set, id, nil
	}
}

// loadKeys reads the keys of trusted signers, and tells which are weak.
func loadKeys(files []publicKey) (keys *distribution.Keys, weak []publicKey, err error) {
	keys = &distribution.Keys{}
	for _, f := range files {
		data, err := os.ReadFile(f.file)
		if err != nil {
			return nil, nil, fmt.Errorf("-public-key: %w", err)
		}
		key, err := signer.ParsePublicKey(data)
		if err == nil {
			err = keys.Add(f.account, f.id, key)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("-public-key %s: %w", f.file, err)
		}
		if signer.Weak(key) {
			weak = append(weak, f)
		}
	}
	return keys, weak, nil
}
