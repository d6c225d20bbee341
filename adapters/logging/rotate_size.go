package logging

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"
)

// bySize is RotatingFileHandler's rotation: the file becomes FILE.1, FILE.1
// becomes FILE.2, and the last of backups is removed. An empty file is never
// put aside, however long the line.
type bySize struct {
	max     int64
	backups int
}

func (r bySize) due(size, next int64, _ time.Time) bool {
	return size > 0 && size+next >= r.max
}

func (r bySize) rotate(path string, _ time.Time) error {
	for i := r.backups - 1; i >= 0; i-- {
		from := path
		if i > 0 {
			from = path + "." + strconv.Itoa(i)
		}
		// Rename replaces, which removes the last one.
		err := os.Rename(from, path+"."+strconv.Itoa(i+1))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
