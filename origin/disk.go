package origin

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// disk keeps blocks in files of a directory, one each, the least recently used of which go first. A file is written under
// another name and then renamed, and carries a hash of all that it says, which is checked whenever it is read: what a crash
// left half written, or a failing disk changed, is removed and fetched again. So nothing is ever synced.
type disk struct {
	dir      string
	max      int64
	count    *counters
	purges   func() uint64
	writes   chan diskWrite
	finished chan struct{}
	lock     *os.File

	mu    sync.Mutex
	files map[blockKey]*list.Element // of *diskFile
	byUse *list.List                 // the last used first
	used  int64
}

type diskFile struct {
	key   blockKey
	bytes int64
}

type diskWrite struct {
	key    blockKey
	block  *block
	purges uint64 // as they were when the block's fetch began
}

// The form of a file: magic, then a SHA-256 of all after it, then space and key each after a length of two bytes, the version,
// the number of the block in eight bytes, and the data. Numbers are big-endian.
const (
	diskMagic    = "reelfr01"
	diskHashAt   = len(diskMagic)
	diskNamesAt  = diskHashAt + sha256.Size
	tempPrefix   = "new-"
	lockName     = "lock"
	queuedWrites = 16
)

var errLocked = errors.New("in use by another cache")

// openDisk reads which blocks a directory holds, and removes what a crash left behind. ctx ends the writing.
func openDisk(ctx context.Context, dir string, max int64, count *counters, purges func() uint64) (*disk, error) {
	d := &disk{
		dir: dir, max: max, count: count, purges: purges,
		writes: make(chan diskWrite, queuedWrites), finished: make(chan struct{}),
		files: make(map[blockKey]*list.Element), byUse: list.New(),
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var err error
	if d.lock, err = lockFile(filepath.Join(dir, lockName)); err != nil {
		return nil, err
	}
	if err := d.scan(); err != nil {
		return nil, errors.Join(err, d.lock.Close())
	}
	go d.run(ctx)
	return d, nil
}

// scan counts in what is there, and removes what was not finished. Files that are none of ours are left alone.
func (d *disk) scan() error {
	type found struct {
		diskFile
		time time.Time
	}
	var all []found
	dirs, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		if len(dir.Name()) != 2 || !dir.IsDir() {
			continue
		}
		files, err := os.ReadDir(filepath.Join(d.dir, dir.Name()))
		if err != nil {
			return err
		}
		for _, file := range files {
			path := filepath.Join(d.dir, dir.Name(), file.Name())
			if strings.HasPrefix(file.Name(), tempPrefix) {
				if err := os.Remove(path); err != nil {
					return err
				}
				continue
			}
			k, ok := parseName(file.Name())
			st, err := file.Info()
			if ok && err == nil && st.Mode().IsRegular() && path == d.path(k) {
				all = append(all, found{diskFile{k, st.Size()}, st.ModTime()})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int { return a.time.Compare(b.time) })
	for _, f := range all {
		d.add(f.diskFile)
	}
	d.evict()
	return nil
}

func (d *disk) path(k blockKey) string {
	v := hex.EncodeToString(k.version[:])
	return filepath.Join(d.dir, v[:2], fmt.Sprintf("%s-%x", v, k.index))
}

func parseName(name string) (k blockKey, ok bool) {
	version, index, ok := strings.Cut(name, "-")
	b, err := hex.DecodeString(version)
	if !ok || err != nil || len(b) != len(k.version) {
		return k, false
	}
	copy(k.version[:], b)
	k.index, err = strconv.ParseInt(index, 16, 64)
	return k, err == nil && k.index >= 0
}

// add counts a file in. d.mu is held, or nobody else knows d.
func (d *disk) add(f diskFile) {
	d.files[f.key] = d.byUse.PushFront(&f)
	d.used += f.bytes
}

// evict removes files until the rest fits. d.mu is held, or nobody else knows d. A file that cannot be removed is forgotten.
func (d *disk) evict() {
	for d.used > d.max && d.byUse.Len() > 0 {
		d.remove(d.byUse.Back())
	}
}

func (d *disk) remove(e *list.Element) {
	f := d.byUse.Remove(e).(*diskFile)
	delete(d.files, f.key)
	d.used -= f.bytes
	_ = os.Remove(d.path(f.key))
}

// read returns a block of v, or nil where the disk does not have it.
func (d *disk) read(k blockKey, v *version) *block {
	d.mu.Lock()
	e := d.files[k]
	if e != nil {
		d.byUse.MoveToFront(e)
	}
	d.mu.Unlock()
	if e == nil {
		return nil
	}
	b := &block{start: k.index * v.blockBytes, of: v}
	size := min(v.blockBytes, v.info.Size-b.start)
	file, err := readExactly(d.path(k), len(appendHead(nil, k, v))+int(size))
	if err == nil {
		b.data, err = parseBlock(file, k, v)
	}
	if err == nil {
		d.count.diskHits.Add(1)
		d.count.diskBytes.Add(uint64(len(b.data)))
		return b
	}
	if errors.Is(err, errUnopened) {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[k] == e { // else it was evicted meanwhile
		d.count.diskDamaged.Add(1)
		d.remove(e)
	}
	return nil
}

var (
	errDamaged  = errors.New("damaged")
	errUnopened = errors.New("cannot be opened now") // as when the program has too many files open
)

// readExactly reads a file that has size bytes, and no more of any other.
func readExactly(path string, size int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(errUnopened, err)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, err
	}
	if n, err := f.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, errDamaged
	}
	return b, nil
}

// parseBlock returns the data of a block's file, which is a piece of file.
func parseBlock(file []byte, k blockKey, v *version) ([]byte, error) {
	head := appendHead(nil, k, v)
	if len(file) < len(head) || string(file[diskNamesAt:len(head)]) != string(head[diskNamesAt:]) {
		return nil, errDamaged
	}
	sum := sha256.Sum256(file[diskNamesAt:])
	if string(file[:diskHashAt]) != diskMagic || string(file[diskHashAt:diskNamesAt]) != string(sum[:]) {
		return nil, errDamaged
	}
	return file[len(head):], nil
}

// diskImage is the file of a block.
func diskImage(k blockKey, b *block) []byte {
	file := appendHead(make([]byte, 0, len(b.data)+256), k, b.of)
	file = append(file, b.data...)
	sum := sha256.Sum256(file[diskNamesAt:])
	copy(file[diskHashAt:], sum[:])
	return file
}

// appendHead appends a file's bytes before its data, with no hash yet.
func appendHead(b []byte, k blockKey, v *version) []byte {
	b = append(b, diskMagic...)
	b = append(b, make([]byte, sha256.Size)...)
	for _, s := range []string{v.space, v.key} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	b = append(b, k.version[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(k.index))
}

// write has a block written, unless the disk cannot keep up.
func (d *disk) write(w diskWrite) {
	select {
	case d.writes <- w:
	default:
		d.count.diskSkipped.Add(1)
	}
}

func (d *disk) run(ctx context.Context) {
	defer close(d.finished)
	defer d.lock.Close()
	for {
		select {
		case w := <-d.writes:
			d.store(w)
		case <-ctx.Done():
			for {
				select {
				case w := <-d.writes:
					d.store(w)
				default:
					return
				}
			}
		}
	}
}

// store writes a block's file. A block that does not get there is fetched again some day.
func (d *disk) store(w diskWrite) {
	d.mu.Lock()
	_, have := d.files[w.key]
	d.mu.Unlock()
	if have || len(w.block.of.space) > maxSpaceBytes {
		return
	}
	file := diskImage(w.key, w.block)
	if err := d.writeFile(d.path(w.key), file); err != nil {
		d.count.diskSkipped.Add(1)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(diskFile{w.key, int64(len(file))})
	if d.purges() != w.purges {
		d.remove(d.files[w.key])
	}
	d.evict()
}

func (d *disk) writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, tempPrefix)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// purge removes the blocks of all objects that match. It looks into one file of each version.
func (d *disk) purge(match func(space, key string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	matched := make(map[versionID]bool)
	for e := d.byUse.Front(); e != nil; {
		f := e.Value.(*diskFile)
		gone, known := matched[f.key.version]
		if !known {
			space, key, err := readNames(d.path(f.key))
			gone, known = err != nil || match(space, key), err == nil
		}
		if known {
			matched[f.key.version] = gone
		}
		next := e.Next()
		if gone {
			d.remove(e)
		}
		e = next
	}
}

// readNames returns whose block a file holds.
func readNames(path string) (space, key string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := make([]byte, diskNamesAt+2+maxSpaceBytes+2+maxKeyBytes)
	n, err := f.Read(buf)
	if err != nil {
		return "", "", err
	}
	b := buf[:n]
	if len(b) < diskNamesAt {
		return "", "", errDamaged
	}
	b = b[diskNamesAt:]
	var names [2]string
	for i := range names {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return "", "", errDamaged
		}
		n := int(binary.BigEndian.Uint16(b))
		names[i], b = string(b[2:2+n]), b[2+n:]
	}
	return names[0], names[1], nil
}

func (d *disk) usedBytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used
}
