// Package handshake is what an RTMP connection begins with: plain, with digests, and RTMPE's key exchange.
//
// Server and Client work on a net.Conn whose deadlines are the caller's, and return the connection to go on with:
//
//	conn.SetDeadline(time.Now().Add(10 * time.Second))
//	result, err := handshake.Server(conn, nil)
//	if err != nil {
//		return err
//	}
//	conn.SetDeadline(time.Time{})
//	messages := chunk.NewReader(result.Conn, chunk.Limits{})
//
// Neither side reads a byte behind its last block, so what the peer sends at once after it is still in the connection.
//
// # RTMPE is not security
//
// RTMPE keeps old players working, no more. Its keys prove nothing, because the secrets that sign the exchange are the
// same in every Flash Player and known to all; its Diffie-Hellman group of 1024 bits and its RC4 are both broken by
// today's standards; and nothing protects the bytes from being changed. Call it obfuscation. Who wants a connection that
// cannot be read or altered uses RTMPS, which is RTMP inside TLS.
//
// # Specifications
//
// The plain handshake is in Adobe's Real Time Messaging Protocol 1.0, section 5.2. Digests and RTMPE were never
// published; what is here agrees with rtmpdump, FFmpeg and recorded Flash Media Servers.
package handshake
