package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

// replacements has the operators that are changed, and what each becomes.
var replacements = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ},
	token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ},
	token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ},
	token.NEQ: {token.EQL},

	token.LAND: {token.LOR},
	token.LOR:  {token.LAND},

	token.ADD: {token.SUB},
	token.SUB: {token.ADD},
	token.MUL: {token.QUO},
	token.QUO: {token.MUL},
	token.REM: {token.MUL},

	token.INC: {token.DEC},
	token.DEC: {token.INC},
}

// change replaces one operator of a file.
type change struct {
	file         string
	line, column int
	offset       int // of the operator, in bytes
	from, to     token.Token
	text         string // the line, with the change in brackets
}

// changes returns the changes of the package's files, in their order.
func (p *subject) changes() ([]change, error) {
	files, err := filepath.Glob(filepath.Join(p.folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []change
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found, err := changesOf(file, source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func changesOf(file string, source []byte) ([]change, error) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(source), "\n")
	var found []change
	add := func(at token.Pos, from token.Token) {
		position := files.Position(at)
		line := lines[position.Line-1]
		before, after := strings.TrimLeft(line[:position.Column-1], "\t"), line[position.Column-1+len(from.String()):]
		for _, to := range replacements[from] {
			text := fmt.Sprintf("%s[%v becomes %v]%s", before, from, to, after)
			found = append(found, change{file, position.Line, position.Column, position.Offset, from, to, text})
		}
	}
	ast.Inspect(parsed, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.BinaryExpr:
			add(n.OpPos, n.Op)
		case *ast.IncDecStmt:
			add(n.TokPos, n.Tok)
		case *ast.UnaryExpr:
			if n.Op == token.SUB {
				add(n.OpPos, n.Op)
			}
		}
		return true
	})
	return found, nil
}

// changedFile is the name under which the compiler reports on a changed file.
const changedFile = "changed.go"

// overlay writes the changed file and returns the overlay that puts it in its place.
func (p *subject) overlay(c change) (string, error) {
	source, err := os.ReadFile(c.file)
	if err != nil {
		return "", err
	}
	changed := string(source[:c.offset]) + c.to.String() + string(source[c.offset+len(c.from.String()):])
	replacement := filepath.Join(p.scratch, changedFile)
	if err := os.WriteFile(replacement, []byte(changed), 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {c.file: replacement}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(p.scratch, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}
