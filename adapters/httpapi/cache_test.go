package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/edge-proxy/edge-proxy/adapters/httpapi"
)

// A cache must change nothing that can be seen, whatever its size.
func TestTheIdentitiesCacheChangesNoAnswer(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var plainQuery, cachedQuery *query
			plain := newAPI(t, func(o *httpapi.Options) { plainQuery = o.Query.(*query) })
			cached := newAPI(t, func(o *httpapi.Options) {
				cachedQuery = o.Query.(*query)
				o.IdentitiesCache = httpapi.Cache{Use: true, MaxSize: size}
			})
			for revision := range 3 {
				text := strings.Replace(document, `"express"`, fmt.Sprintf(`"express %d"`, revision), 1)
				other := strings.ReplaceAll(text, "premium", "gold")
				for _, q := range []*query{plainQuery, cachedQuery} {
					q.serve(environment(t, clientKey, text), environment(t, "other", other))
				}
				for range 3 {
					for _, body := range []string{
						`{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"premium"}]}`,
						`{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"gold"}]}`,
						`{"identifier":"u","traits":[{"trait_key":"plan","trait_value":1}]}`,
						`{"identifier":"u","traits":[{"trait_key":"plan","trait_value":"1"}]}`,
						`{"identifier":"chosen"}`, `{"identifier":"u"}`,
					} {
						for _, key := range []string{clientKey, serverKey, "other", "ser.other"} {
							header := "X-Environment-Key: " + key
							w := ask(cached, "POST", "/api/v1/identities/", body, header)
							want(t, w, 200, ask(plain, "POST", "/api/v1/identities/", body, header).Body.String())
						}
					}
				}
			}
		})
	}
}

// An identity is found from the third time on, and does not give way to those that
// are asked for once.
func TestTheIdentitiesCacheKeepsWhatComesAgain(t *testing.T) {
	e := environment(t, clientKey, document)
	once := make([]string, 500)
	for i := range once {
		once[i] = fmt.Sprint("once ", i)
	}
	again := []string{"again", "again", "again"}
	for _, test := range []struct {
		name       string
		identities []string
		hits       int
	}{
		{"again", again, 1},
		{"once", once, 0},
		{"again, once, again", slices.Concat(again, once, again), 4},
	} {
		if hits := httpapi.CacheHits(httpapi.Cache{Use: true, MaxSize: 1024}, e, test.identities); hits != test.hits {
			t.Errorf("%s: %d hits, want %d", test.name, hits, test.hits)
		}
	}
	// Places are shared by chance, so that not each is remembered, but most are.
	if hits := httpapi.CacheHits(httpapi.Cache{Use: true, MaxSize: 1024}, e, slices.Concat(once, once, once, once)); hits < 400 {
		t.Errorf("500 identities four times: %d hits", hits)
	}
	// One that comes often finds its way in among many that do not.
	var among []string
	for _, identity := range once {
		among = append(among, identity, "often")
	}
	if hits := httpapi.CacheHits(httpapi.Cache{Use: true, MaxSize: 16}, e, among); hits < 400 {
		t.Errorf("an identity that comes 500 times: %d hits", hits)
	}
}

func TestTheIdentitiesCacheUnderConcurrency(t *testing.T) {
	var q *query
	api := newAPI(t, func(o *httpapi.Options) {
		q, o.IdentitiesCache = o.Query.(*query), httpapi.Cache{Use: true, MaxSize: 4}
	})
	old := environment(t, clientKey, document)
	replaced := environment(t, clientKey, strings.Replace(document, `"express"`, `"rapid"`, 1))
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 200 {
				identifier := fmt.Sprint(i % 7)
				body := `{"identifier":"` + identifier + `","traits":[{"trait_key":"plan","trait_value":"premium"}]}`
				got := ask(api, "POST", "/api/v1/identities/", body, clientHeader()...).Body.String()
				if !strings.HasPrefix(got, `{"identifier":"`+identifier+`"`) || !strings.Contains(got, `"express"`) && !strings.Contains(got, `"rapid"`) {
					t.Errorf("worker %d: %s", worker, got)
				}
			}
		})
	}
	for range 100 {
		q.serve(replaced)
		q.serve(old)
	}
	wg.Wait()
}

// The cache is bounded in bytes as well as in entries: large identities leave room for
// few, and one that is larger than the cache is not stored.
func TestTheIdentitiesCacheIsBoundedInBytes(t *testing.T) {
	e := environment(t, clientKey, document)
	ask := func(size, identities int) (hits int) {
		var list []string
		for i := range identities {
			list = append(list, fmt.Sprintf("%d-%s", i, strings.Repeat("x", size)))
		}
		// The third time around they are found, if they all fit.
		return httpapi.CacheHits(httpapi.Cache{Use: true, MaxSize: 1000, MaxBytes: 100_000}, e, slices.Concat(list, list, list))
	}
	for _, test := range []struct{ size, identities, most, least int }{
		{1, 100, 100, 80}, {10_000, 5, 5, 5}, {10_000, 50, 0, 0}, {100_000, 1, 0, 0}, {99_000, 1, 1, 1},
	} {
		// Identities whose hashes share a place keep each other out. Seeds are random, so
		// that another cache has others.
		hits, tries := -1, 10
		for ; tries > 0 && hits < test.least; tries-- {
			if hits = ask(test.size, test.identities); hits > test.most {
				break
			}
		}
		if hits < test.least || hits > test.most {
			t.Errorf("%d identities of %d bytes: %d hits", test.identities, test.size, hits)
		}
	}
}
