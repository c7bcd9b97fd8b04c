module github.com/seed-3309b198/reelfront

go 1.26
