package laws

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
)

const whyNoState = "state belongs to a value that somebody makes and ends; a package-level variable is a constant that Go has no word for (an error, a compiled expression, a table)"

// State returns the package-level variables that are more than
// constants: those that change after their declaration, and those whose type is
// made for changing.
func (p Program) State() []string {
	var wrong []string
	for _, pkg := range p.packages {
		scope := pkg.Types.Scope()
		for _, name := range scope.Names() {
			if v, ok := scope.Lookup(name).(*types.Var); ok && changes(v.Type(), map[types.Type]bool{}) {
				wrong = append(wrong, fmt.Sprintf("%s: %s has a type that is made for changing: %s", p.position(pkg, v), name, whyNoState))
			}
		}
		for _, file := range pkg.Syntax {
			ast.Inspect(file, func(n ast.Node) bool {
				for _, changed := range changedBy(pkg.TypesInfo, n) {
					if v := packageVariable(pkg.TypesInfo, changed); v != nil {
						wrong = append(wrong, fmt.Sprintf("%s: %s is changed: %s", p.position(pkg, n), v.Name(), whyNoState))
					}
				}
				return true
			})
		}
	}
	return wrong
}

// changes reports whether values of t are there to be changed: locks, atomics,
// channels, and what holds them.
func changes(t types.Type, seen map[types.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	if named, ok := types.Unalias(t).(*types.Named); ok && named.Obj().Pkg() != nil {
		if path := named.Obj().Pkg().Path(); path == "sync" || path == "sync/atomic" {
			return true
		}
	}
	switch u := t.Underlying().(type) {
	case *types.Chan:
		return true
	case *types.Pointer:
		return changes(u.Elem(), seen)
	case *types.Struct:
		for i := range u.NumFields() {
			if changes(u.Field(i).Type(), seen) {
				return true
			}
		}
	case *types.Array:
		return changes(u.Elem(), seen)
	}
	return false
}

// changedBy returns the expressions whose value n changes or makes changeable.
func changedBy(info *types.Info, n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.RangeStmt:
		if n.Tok == token.ASSIGN {
			return []ast.Expr{n.Key, n.Value}
		}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	case *ast.CallExpr:
		return changedByCall(info, n)
	}
	return nil
}

func changedByCall(info *types.Info, call *ast.CallExpr) []ast.Expr {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		if _, builtin := info.Uses[f].(*types.Builtin); builtin && len(call.Args) > 0 {
			switch f.Name {
			case "delete", "clear", "copy":
				return call.Args[:1]
			}
		}
	case *ast.SelectorExpr:
		s, ok := info.Selections[f]
		if !ok || s.Kind() != types.MethodVal {
			return nil
		}
		_, takesPointer := s.Obj().Type().(*types.Signature).Recv().Type().(*types.Pointer)
		_, isPointer := s.Recv().Underlying().(*types.Pointer)
		if takesPointer && !isPointer { // its address is taken
			return []ast.Expr{f.X}
		}
	}
	return nil
}

// packageVariable returns the package-level variable that e is, or is a part of;
// or nil.
func packageVariable(info *types.Info, e ast.Expr) *types.Var {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v := global(info.Uses[x.Sel]); v != nil {
				return v
			}
			e = x.X
		case *ast.Ident:
			return global(info.Uses[x])
		default:
			return nil
		}
	}
}

func global(object types.Object) *types.Var {
	v, ok := object.(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() {
		return nil
	}
	return v
}
