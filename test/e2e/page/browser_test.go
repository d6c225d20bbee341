//go:build page

package page

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	// seen is where screenshots are written, as seen from this package.
	seen = "../../../bin/page"
	// browsing bounds what a test does in the browser.
	browsing = time.Minute
)

// look is how a page is looked at.
type look struct {
	name          string
	width, height int64
	dark          bool
}

// view is what a browser shows of a page.
type view struct {
	text     string // of the whole page
	heading  string
	overflow int64 // by how many pixels the page is wider than the window
	requests []string
	picture  image.Image
}

// open shows a page in the browser, without running scripts, and takes its picture.
func open(t *testing.T, url string, l look) view {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()

	var v view
	picture, err := v.fill(ctx, url, l)
	if err != nil {
		t.Fatalf("the browser: %v", err)
	}
	decoded, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	v.picture = decoded
	save(t, filepath.Join(seen, l.name+".png"), picture)
	return v
}

// fill sets what a browser shows of a page and returns its picture.
func (v *view) fill(ctx context.Context, url string, l look) (picture []byte, err error) {
	var mu sync.Mutex
	if err := chromedp.Listen(ctx, func(event any) {
		if sent, ok := event.(*network.EventRequestWillBeSent); ok {
			mu.Lock()
			defer mu.Unlock()
			v.requests = append(v.requests, sent.Request.URL)
		}
	}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, browsing)
	defer cancel()
	scheme := "light"
	if l.dark {
		scheme = "dark"
	}
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{}); err != nil {
		return nil, err
	}
	// Scripts of the page are off. What the test evaluates runs all the same.
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		return nil, err
	}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		return nil, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(l.width, l.height), chromedp.Navigate(url)); err != nil {
		return nil, err
	}
	if v.text, err = chromedp.Run(ctx, chromedp.Text("body")); err != nil {
		return nil, err
	}
	if v.heading, err = chromedp.Run(ctx, chromedp.Text("h1")); err != nil {
		return nil, err
	}
	if v.overflow, err = chromedp.Run(ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth - window.innerWidth")); err != nil {
		return nil, err
	}
	mu.Lock()
	v.requests = slices.Clone(v.requests)
	mu.Unlock()
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
}

func save(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// brightness returns how bright the background of a picture is, from 0 to 65535.
func brightness(picture image.Image) uint32 {
	bounds := picture.Bounds()
	red, green, blue, _ := picture.At(bounds.Max.X-2, bounds.Max.Y-2).RGBA()
	return (red + green + blue) / 3
}
