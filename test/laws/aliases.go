package laws

import (
	"fmt"
	"go/types"
	"strings"
)

// Aliases returns the exported names that stand for a type of
// another package of this module.
func (p Program) Aliases() []string {
	var wrong []string
	for _, pkg := range p.packages {
		scope := pkg.Types.Scope()
		for _, name := range scope.Names() {
			object, isType := scope.Lookup(name).(*types.TypeName)
			if !isType || !object.Exported() || !object.IsAlias() {
				continue
			}
			named, isNamed := types.Unalias(object.Type()).(*types.Named)
			if !isNamed || named.Obj().Pkg() == nil || named.Obj().Pkg() == pkg.Types || !strings.HasPrefix(named.Obj().Pkg().Path(), modulePath+"/") {
				continue
			}
			wrong = append(wrong, fmt.Sprintf("%s: %s is %s.%s: an alias leads around the laws of imports; who needs a type imports its package",
				p.position(pkg, object), name, named.Obj().Pkg().Name(), named.Obj().Name()))
		}
	}
	return wrong
}
