package chunk

import "sync"

// block is a pooled buffer. Its size is one of the classes, or fits one message that is larger than all of them.
type block struct{ bytes []byte }

const (
	smallestBlock = 1 << 10
	blockGrowth   = 4
	blockClasses  = 6 // 1, 4, 16, 64, 256 KiB, 1 MiB
)

// blocks holds one pool for each class, shared by all Readers.
var blocks [blockClasses]sync.Pool

// borrow returns a block of at least size bytes.
func borrow(size int) *block {
	class := smallestBlock
	for i := range blocks {
		if size <= class {
			if b, ok := blocks[i].Get().(*block); ok {
				return b
			}
			return &block{bytes: make([]byte, class)}
		}
		class *= blockGrowth
	}
	return &block{bytes: make([]byte, size)}
}

// giveBack returns b to its pool; nil is allowed.
func giveBack(b *block) {
	if b == nil {
		return
	}
	class := smallestBlock
	for i := range blocks {
		if len(b.bytes) == class {
			blocks[i].Put(b)
			return
		}
		class *= blockGrowth
	}
}
