package rtmp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-3309b198/reelfront/flv/amf"
	"github.com/seed-3309b198/reelfront/rtmp/chunk"
)

// What the server says of itself: the answer of Flash Media Server 3.5.7, which players compare with.
const (
	fmsVersion      = "FMS/3,5,7,7009"
	fmsDataVersion  = "3,5,7,7009"
	fmsCapabilities = 31
)

var errNotConnected = errors.New("rtmp: a command came before connect")

// connect waits for the connect command and answers it.
func (c *conn) connect() error {
	wait := c.srv.Limits.connect()
	if err := c.nc.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return err
	}
	cmd, err := c.awaitConnect()
	if err != nil {
		return err
	}
	request := c.connectRequest(cmd)
	ctx, cancel := context.WithTimeout(c.context(), wait)
	defer cancel()
	defer c.endCalls() // a context that others have derived from keeps memory for it: what comes gets a new one
	app, err := c.handleConnect(ctx, request)
	if err == nil {
		c.app = app
		err = c.checkSWF(request)
	}
	if err != nil {
		return c.reject(cmd, request, err)
	}
	c.request, c.takes = request, c.srv.Enhanced.takes(request.Object)
	c.observe(Event{Kind: EventConnect})
	if err := c.welcome(cmd); err != nil {
		return err
	}
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return c.endReason() // which may have come while the deadline was still ours
}

// awaitConnect reads messages up to the connect command.
func (c *conn) awaitConnect() (*command, error) {
	for {
		m, err := c.in.ReadMessage()
		if err != nil {
			return nil, err
		}
		if m.Type != chunk.TypeCommandAMF0 && m.Type != chunk.TypeCommandAMF3 {
			if err := c.handle(&m); err != nil {
				return nil, err
			}
			continue
		}
		if len(m.Payload) > c.srv.Limits.commandBytes() {
			return nil, fmt.Errorf("rtmp: connect of %d bytes", len(m.Payload))
		}
		cmd, err := parseCommand(&m)
		if err != nil {
			return nil, err
		}
		if cmd.name != "connect" {
			return nil, fmt.Errorf("%w: %.40q", errNotConnected, cmd.name)
		}
		return &cmd, nil
	}
}

func (c *conn) connectRequest(cmd *command) *ConnectRequest {
	r := &ConnectRequest{Protocol: c.protocol(), RemoteAddr: c.nc.RemoteAddr(), LocalAddr: c.nc.LocalAddr(), ClientID: c.id}
	if len(cmd.args) > 0 {
		r.Object, _ = amf.Properties(cmd.args[0])
		r.Args = cmd.args[1:]
	}
	r.App = r.Object.String("app")
	r.TCURL = r.Object.String("tcUrl")
	r.SWFURL = r.Object.String("swfUrl")
	r.PageURL = r.Object.String("pageUrl")
	r.FlashVersion = r.Object.String("flashVer")
	if n, _ := r.Object.Number("objectEncoding"); n == 3 {
		r.ObjectEncoding = 3
	}
	return r
}

func (c *conn) handleConnect(ctx context.Context, r *ConnectRequest) (App, error) {
	if r.App == "" {
		return nil, &StatusError{Code: CodeConnectInvalidApp, Description: "The connect command names no application."}
	}
	app, err := c.srv.Handler.Connect(ctx, r)
	if err == nil && app == nil {
		err = errors.New("rtmp: the handler returned no App")
	}
	return app, err
}

// reject refuses a connect. Most players look at nothing but the _error, some wait for close, and librtmp waits for the
// connection to end.
func (c *conn) reject(cmd *command, r *ConnectRequest, err error) error {
	var status *StatusError
	if !errors.As(err, &status) {
		status = &StatusError{Code: CodeConnectFailed, Err: err}
	}
	description := status.Description
	if description == "" {
		description = "Connection failed."
	}
	info := amf.Object{{Key: "level", Value: levelError}, {Key: "code", Value: status.Code}, {Key: "description", Value: description}}
	if status.Application != nil {
		info = append(info, amf.Pair{Key: "application", Value: status.Application})
	}
	info = append(info, status.Extra...)
	c.srv.logger().Info("connect refused", "remote", r.RemoteAddr, "app", logName(r.App), "err", err)
	b := c.out.command(nil, csConnect, 0, 0, "_error", cmd.transaction, nil, info)
	b = c.out.command(b, csConnect, 0, 0, "close", 0.0, nil)
	if err := c.out.reply(b); err != nil {
		return err
	}
	return errRejected
}

// welcome accepts a connect, in one write.
func (c *conn) welcome(cmd *command) error {
	b := chunk.AppendWindowAckSize(nil, windowAckSize)
	b = chunk.AppendSetPeerBandwidth(b, windowAckSize, chunk.LimitDynamic)
	c.out.chunkSize = c.srv.chunkSize()
	b = chunk.AppendSetChunkSize(b, uint32(c.out.chunkSize))
	b = chunk.AppendUserControl(b, chunk.EventStreamBegin, 0)
	server := amf.Object{{Key: "fmsVer", Value: fmsVersion}, {Key: "capabilities", Value: fmsCapabilities}, {Key: "mode", Value: 1}}
	info := amf.Object{
		{Key: "level", Value: levelStatus},
		{Key: "code", Value: CodeConnectSuccess},
		{Key: "description", Value: "Connection succeeded."},
		{Key: "data", Value: amf.ECMAArray{{Key: "version", Value: fmsDataVersion}}},
		{Key: "clientid", Value: c.id},
		{Key: "objectEncoding", Value: c.request.ObjectEncoding},
	}
	info = append(info, c.srv.Enhanced.answer(c.request.Object)...)
	b = c.out.command(b, csConnect, 0, 0, "_result", cmd.transaction, server, info)
	b = c.out.command(b, csConnect, 0, 0, "onBWDone", 0.0, nil)
	b = c.swf.request(b)
	return c.out.reply(b)
}
