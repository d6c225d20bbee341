package domain

import "fmt"

// Problem is a fault of an environment document and its effect on evaluation.
type Problem struct {
	Path   string // where, such as project.segments[3].rules[0].conditions[1]
	What   string // what is wrong
	Effect string // what happens instead
}

// String returns the problem as one line.
func (p Problem) String() string { return fmt.Sprintf("%s: %s: %s", p.Path, p.What, p.Effect) }
