package standard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/edge-proxy/edge-proxy/ports"
)

func (p *program) storeGet(ctx context.Context, args []string) int {
	flags := newFlags("store get")
	var choice storeChoice
	choice.define(flags)
	output := flags.String("output", "", "`file` to write the document to, instead of standard output; a file that is there is replaced")
	stat := flags.Bool("stat", false, "print what is known about the document instead of it")
	asJSON := flags.Bool("json", false, "with -stat: print it as JSON")
	var key string
	if code, ok := p.parse(flags, args, "Prints the document under the client-side key KEY, byte for byte as upstream sent it.\nExit code 1 when the store has none.", operand{"KEY", &key}); !ok {
		return code
	}
	if *asJSON && !*stat || *output != "" && *stat {
		fmt.Fprintln(p.Stderr, "edge-proxy store get: -json goes with -stat, and -output without it")
		return exitUsage
	}
	return p.withStore(ctx, choice, readsOnly, func(store ports.Store) int {
		record, err := store.Get(ctx, keyArgument(key))
		switch {
		case errors.Is(err, ports.ErrNotFound):
			return p.storeFailed(fmt.Errorf("there is no document under %s", shownKey(keyArgument(key))))
		case err != nil:
			return p.storeFailed(err)
		case *asJSON:
			err = json.NewEncoder(p.Stdout).Encode(infoOf(record))
		case *stat:
			err = p.printInfo(infoOf(record))
		case *output != "":
			err = replaceFile(p.path(*output), record.Body)
		default:
			_, err = p.Stdout.Write(record.Body)
		}
		if err != nil {
			return p.storeFailed(err)
		}
		return exitOK
	})
}

func (p *program) printInfo(r recordInfo) error {
	_, err := fmt.Fprintf(p.Stdout, "key         %s\nbytes       %d\nsha256      %s\nupdated_at  %s\nchecked_at  %s\nversion     %s\n",
		r.Key, r.Bytes, r.SHA256, timeText(r.UpdatedAt), timeText(r.CheckedAt), r.Version)
	return err
}

// path resolves a path of the command line.
func (p *program) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.WorkingDir, name)
}

// replaceFile writes a file, whole or not at all, readable by its owner only:
// documents tell about identities.
func replaceFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
	}
	return err
}
