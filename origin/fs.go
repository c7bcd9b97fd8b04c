package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"
)

// FS returns an Origin over the files of fsys: os.DirFS, os.Root's FS, embed.FS, fstest.MapFS. A version is told by ModTime and
// Size. An object holds a file open until its Close. Files that implement neither io.ReaderAt nor io.Seeker, as those in
// compressed archives, are read from their start for each step backwards. A context cannot interrupt a read of a file.
func FS(fsys fs.FS) Origin { return fsOrigin{fsys} }

type fsOrigin struct{ fsys fs.FS }

func (o fsOrigin) Open(ctx context.Context, key string) (Object, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !ValidKey(key) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	f, err := o.fsys.Open(key)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) {
		return nil, &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist} // no directory can hold such a file
	}
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &fsObject{fsys: o.fsys, key: key, file: f, info: fileInfo(st)}, nil
}

func fileInfo(st fs.FileInfo) Info {
	info := Info{Size: st.Size(), ModTime: st.ModTime()}
	if !info.ModTime.IsZero() {
		info.ETag = fmt.Sprintf("\"%x-%x\"", info.ModTime.UnixNano(), info.Size)
	}
	return info
}

type fsObject struct {
	fsys fs.FS
	key  string
	info Info

	mu     sync.Mutex // guards what follows; held while reading only where the file has no ReadAt
	file   fs.File
	pos    int64 // where file stands
	closed bool
}

func (o *fsObject) Info() Info { return o.info }

func (o *fsObject) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p, eof, err := clamp(p, off, o.info.Size)
	if err != nil {
		return 0, o.fail(off, err)
	}
	n, err := o.read(p, off)
	if st, e := o.stat(); e != nil {
		return 0, o.fail(off, e)
	} else if !sameFile(st, o.info) {
		return 0, o.fail(off, ErrChanged)
	}
	if n < len(p) {
		return n, o.fail(off, shortRead(err))
	}
	return n, eof
}

func sameFile(st fs.FileInfo, info Info) bool {
	return st.Size() == info.Size && st.ModTime().Equal(info.ModTime)
}

func (o *fsObject) fail(off int64, err error) error {
	return fmt.Errorf("origin: read %s at %d: %w", o.key, off, err)
}

func (o *fsObject) stat() (fs.FileInfo, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.file.Stat()
}

func (o *fsObject) read(p []byte, off int64) (int, error) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return 0, fs.ErrClosed
	}
	if r, ok := o.file.(io.ReaderAt); ok {
		o.mu.Unlock()
		return r.ReadAt(p, off)
	}
	defer o.mu.Unlock()
	if err := o.moveTo(off); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(o.file, p)
	o.pos += int64(n)
	return n, err
}

// moveTo brings a file that has no ReadAt to off.
func (o *fsObject) moveTo(off int64) error {
	if s, ok := o.file.(io.Seeker); ok {
		pos, err := s.Seek(off, io.SeekStart)
		o.pos = pos
		return err
	}
	if off < o.pos {
		f, err := o.fsys.Open(o.key)
		if errors.Is(err, fs.ErrNotExist) {
			return ErrChanged
		}
		if err != nil {
			return err
		}
		err = o.file.Close()
		o.file, o.pos = f, 0
		if err != nil {
			return err
		}
	}
	n, err := io.CopyN(io.Discard, o.file, off-o.pos)
	o.pos += n
	return err
}

func (o *fsObject) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	o.closed = true
	return o.file.Close()
}

// clamp shortens p to what an object of size bytes has at off, and says io.EOF where that is less than was asked for.
func clamp(p []byte, off, size int64) (_ []byte, eof, err error) {
	if off < 0 {
		return nil, nil, errors.New("negative offset")
	}
	if left := max(size-off, 0); int64(len(p)) > left {
		return p[:left], io.EOF, nil
	}
	return p, nil, nil
}

// sameVersion reports whether two descriptions are of one version: by ETag where both have one, else by ModTime; by Size
// always.
func sameVersion(a, b Info) bool {
	if a.Size != b.Size {
		return false
	}
	if a.ETag != "" && b.ETag != "" {
		return a.ETag == b.ETag
	}
	return a.ModTime.Equal(b.ModTime)
}
