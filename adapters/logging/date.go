package logging

import (
	"errors"
	"fmt"
	"strings"
)

// directives are strftime's conversions that a datefmt may have.
const directives = "aAbBcCdDeFfgGhHIjklmMpRsSTuUVwWxXyYzZ%"

// checkDate returns what is wrong with the strftime format of a datefmt. An unknown
// directive would otherwise be written as it is.
func checkDate(format string) error {
	for {
		_, after, found := strings.Cut(format, "%")
		switch {
		case !found:
			return nil
		case after == "":
			return errors.New("ends in a single %")
		case strings.IndexByte(directives, after[0]) < 0:
			return fmt.Errorf("unknown directive %s", show("%"+after[:1]))
		}
		format = after[1:]
	}
}
