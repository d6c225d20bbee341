package laws

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// Graph has the import paths of each package by the package's own: those of this
// module and of the libraries that it uses. What packages of the standard library
// import is left out.
type Graph map[string][]string

// LoadGraph reads the imports of packages and of everything below them, without
// their tests.
func LoadGraph(patterns ...string) (Graph, error) {
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps}, patterns...)
	if err != nil {
		return nil, fmt.Errorf("laws: %w", err)
	}
	graph := Graph{}
	packages.Visit(loaded, nil, func(p *packages.Package) {
		if !within(p.PkgPath, modulePath) && !isLibrary(p.PkgPath) {
			return
		}
		list := []string{}
		for path := range p.Imports {
			list = append(list, path)
		}
		slices.Sort(list)
		graph[p.PkgPath] = list
	})
	return graph, nil
}

// Own returns the packages of this module.
func (g Graph) Own() []string {
	var own []string
	for path := range g {
		if strings.HasPrefix(path, modulePath+"/") {
			own = append(own, path)
		}
	}
	slices.Sort(own)
	return own
}

// Product returns the packages of this module that are part of what is shipped.
func (g Graph) Product() []string {
	return slices.DeleteFunc(g.Own(), func(path string) bool {
		return within(relative(path), "docs") || within(relative(path), "test")
	})
}

// Reached returns all packages that a package imports, itself or through others,
// each with a shortest chain of imports from the package to it.
func (g Graph) Reached(path string) map[string][]string {
	chains := map[string][]string{}
	queue := [][]string{{path}}
	for len(queue) > 0 {
		chain := queue[0]
		queue = queue[1:]
		for _, imported := range g[chain[len(chain)-1]] {
			if chains[imported] == nil {
				chains[imported] = append(slices.Clone(chain), imported)
				queue = append(queue, chains[imported])
			}
		}
	}
	return chains
}
