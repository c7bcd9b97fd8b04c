// Package signer signs and verifies stream names as Amazon CloudFront's RTMP distributions had them: a name carries a
// policy, its signature and the id of the key, as parameters behind a question mark.
//
//	key, err := signer.ParsePrivateKey(pem)
//	...
//	name, err := signer.Sign("mp4:videos/film.mp4",
//		signer.Policy{Expires: time.Now().Add(time.Hour)},
//		signer.Key{ID: "APKAEXAMPLE", Signer: key})
//
//	v := signer.Verifier{Key: func(id string) crypto.PublicKey { return trusted[id] }}
//	granted, err := v.Verify(name, []string{"videos/film.mp4"}, viewer)
//
// A canned policy says until when one object may be played; it is not sent, since it can be made again from the name and
// the Expires parameter. A custom policy is sent as the Policy parameter; it may hold wildcards, a time from when it is
// valid, and the addresses that may play.
//
// # What is signed
//
// The resource of a policy is the name of the object, without rtmp://, host and application. The signers that people
// used did not agree on its form: some sign the name as it is played, some with and some without the prefix "mp4:", the
// extension, or the parameters of their own. CloudFront told them apart by rules that were never written down.
// Verify therefore takes all forms that mean the object: the name as played; the key of the object, which has an
// extension where the name has none; the key without it; these with the prefix; these with the parameters. There is one
// consequence: who signs "dir/film" signs dir/film.flv and dir/film.mp3 alike, as on CloudFront.
//
// Of base64 there is one form: that of the guide, with "-", "_" and "~" for "+", "=" and "/". Plain base64 is refused,
// percent-encoded or not, as it was by CloudFront; the right characters may be percent-encoded.
//
// # Specifications
//
// Amazon CloudFront Developer Guide, edition of 2017, "Serving Private Content through CloudFront"; of the present edition,
// the parameter Hash-Algorithm and ECDSA keys. PKCS #1 v1.5 signatures (RFC 8017, 8.2) with SHA-1, or SHA-256 where the
// name says so.
package signer
