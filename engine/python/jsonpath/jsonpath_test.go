package jsonpath_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/edge-proxy/edge-proxy/engine/python/jsonpath"
)

func object(members ...any) *jsonpath.Object {
	o := new(jsonpath.Object)
	for i := 0; i < len(members); i += 2 {
		o.Set(members[i].(string), members[i+1])
	}
	return o
}

// tree has members whose names are in no alphabetical order, and values of all
// types.
func tree() *jsonpath.Object {
	huge, _ := new(big.Int).SetString("9007199254740993000000", 10)
	return object(
		"store", object(
			"z", object("name", "zoo", "price", 8.5, "tags", []any{"a", "b", "c", "d"}),
			"a", object("name", "ant", "price", int64(12), "tags", []any{}),
			"m", object("name", "Bär", "price", int64(8), "isbn", "x"),
		),
		"values", []any{int64(0), "", false, nil, int64(1), 1.5, "text", true, huge, []any{int64(1)}, object("k", "v")},
		"user-id", "dashed",
		"a b", "blank",
		"it's", "quoted",
		"ü", "umlaut",
		"\u0080", "the first that is not ASCII",
		"AZ", "capitals",
		"lists", []any{[]any{}, []any{int64(1)}},
		"limit", int64(10),
	)
}

type missing struct{}

func TestFirst(t *testing.T) {
	root := tree()
	for query, want := range map[string]any{
		`$.limit`: int64(10), `$['limit']`: int64(10), `$["limit"]`: int64(10), `$ [ "limit" ]`: int64(10), "$\n.limit": int64(10), `$.nothing`: missing{},
		`$.user-id`: "dashed", `$['a b']`: "blank", `$['it\'s']`: "quoted", `$["it's"]`: "quoted", `$["it\u0027s"]`: "quoted", `$.ü`: "umlaut", "$.\u0080": "the first that is not ASCII", `$.AZ`: "capitals",
		`$.values[9007199254740991]`: missing{}, `$.values[-9007199254740991]`: missing{}, `$.lists[?@][0]`: int64(1), `$["\u00fc"]`: "umlaut",
		`$["nothing","limit"]`: int64(10), `$.store.*.name`: "zoo", `$.store[*].name`: "zoo", `$..name`: "zoo", `$..isbn`: "x", `$..[1]`: "b", `$.*.a.name`: "ant", `$..*.name`: "zoo",
		`$.values[0]`: int64(0), `$.values[-1].k`: "v", `$.values[-11]`: int64(0), `$.values[11]`: missing{}, `$.values[-12]`: missing{}, `$.limit[0]`: missing{}, `$.values.k`: missing{},
		`$.store.z.tags[1:]`: "b", `$.store.z.tags[::2]`: "a", `$.store.z.tags[::-1]`: "d", `$.store.z.tags[1::-1]`: "b", `$.store.z.tags[-1:0:-1]`: "d", `$.store.z.tags[:0]`: missing{},
		`$.store.z.tags[::0]`: missing{}, `$.store.z.tags[5:]`: missing{}, `$.store.z.tags[-9:]`: "a", `$.store.z.tags[9:-9:-3]`: "d", `$.store.z.tags[ 2 : 3 ]`: "c", `$.store.z.tags[3:1]`: missing{},

		`$.store[?@.isbn].name`: "Bär", `$.store[?!@.isbn].name`: "zoo", `$.store[?@['price'] < 8.5].name`: "Bär", `$.store[?@.price==12.0].name`: "ant", `$.store[?@.price>$.limit].name`: "ant",
		`$.store[?@.name == 'Bär' || @.name == "ant"].name`: "ant", `$.store[?@.price>8 && !(@.name=='zoo')].name`: "ant", `$.store[?(@.price>8)&&(@.isbn)].name`: missing{},
		`$.store[?@.a==@.b].name`: "zoo", `$.store[?@.a<=@.b].name`: "zoo", `$.store[?@.a<@.b].name`: missing{}, `$.store[?@.a!=null].name`: "zoo", `$.store[?@.tags[1]=='b'].name`: "zoo",
		`$.values[?@==null]`: nil, `$.values[?@==true]`: true, `$.values[?@=='text']`: "text", `$.values[?@=="text"]`: "text", `$.values[?@>1 ]`: 1.5, `$.values[?@==1.5e0]`: 1.5, `$.values[?@==-0]`: int64(0),
		`$.values[?@.k][?@=='v']`: "v", `$.values[?@==$.values[9]][0]`: int64(1), `$.values[?@==$.values[10]].k`: "v", `$.values[?@!=$.values[0]]`: "",
		`$.values[?@>=$.values[8]]`: bigInt("9007199254740993000000"), `$.values[?@>9007199254740992000000]`: bigInt("9007199254740993000000"),
		// A bare @ is tested by its truth; true and false are 1 and 0 in an order.
		`$.values[?@]`: nil, `$.values[?!@]`: int64(0), `$.values[?@ && @!=null]`: int64(1), `$.values[?@<1 && @!=0]`: false, `$.values[?@<=false && @>=false]`: false,

		// Only what nests is bounded.
		`$.values[?` + strings.Repeat("!@.k && ", 500) + `@==1]`: int64(1), `$.values[?` + strings.Repeat("(@==1) && ", 500) + `@==1]`: int64(1),
		`$.store[?match(@.name,'` + strings.Repeat("(y)?", 300) + `zoo')].name`: "zoo",

		`$.store[?length(@.name)==3].name`: "zoo", `$.store[?length(@.tags)==0].name`: "ant", `$.store[?length(@.price)==length(@.nothing)].name`: "zoo", `$.store[?length(@)==3][?length(@)==3 && @=='Bär']`: "Bär",
		`$.store[?count(@.*)==4].name`: missing{}, `$.store[?count(@.tags[*])>3].name`: "zoo", `$.store[?value(@..name)=='ant'].price`: int64(12), `$.store[?value(@.*)=='ant'].price`: missing{},
		`$.store[?match(@.name,'[a-m].*')].name`: "ant", `$.store[?search(@.name,'o')].name`: "zoo", `$.store[?match(@.name,'o')].name`: missing{}, `$.store[?!search(@.name, "[zn]")].name`: "Bär",
		// What is not there matches nothing and is matched by nothing.
		`$.store[?match(@.nothing,'.*')].name`: missing{}, `$.store[?search(@.name,@.nothing)].name`: missing{}, `$.store[?match(@.nothing,@.nothing)].name`: missing{}, `$.store[?search(@.price,'8')].name`: missing{},
		`$.store[?search(@.name,1)].name`: missing{}, `$.store[?match(@.isbn,@.isbn)].name`: "Bär", `$.store[?search(@.name,'(')].name`: missing{},
	} {
		q, err := jsonpath.Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		got, found := first(q, root)
		if !found {
			got = missing{}
		}
		if n, isBig := got.(*big.Int); isBig {
			got = n.String()
		}
		if got != want {
			t.Errorf("%s leads to %v, want %v", query, got, want)
		}
	}
}

// bigInt is how TestFirst compares large numbers.
func bigInt(digits string) any { return digits }

func TestWhatIsNoJSONPath(t *testing.T) {
	for _, text := range []string{
		"", "x", "@", " $", "$ ", "$.", "$..", "$. a", "$.. a", "$.a ", "$.1a", "$.-a", "$.a b", "$a", "$.'a'", "$.a.", "$[", "$[]", "$[a]", "$['a", `$['a\x']`, "$['a\n']", `$["\ud800"]`, `$["\ud800\u0041"]`, `$["\udc00"]`, `$["\u00"]`,
		"$['a',]", "$[,'a']", "$['a' 'b']", "$[01]", "$[-0]", "$[-]", "$[1.0]", "$[9007199254740992]", "$[-9007199254740992]", "$[1:2:3:4]", "$[1:a]", "$[00:]", "$.a]", "$(a)",
		"$[?]", "$[?@", "$[?@.a", "$[?(@.a]", "$[?@.a)]", "$[?1]", "$[?'a']", "$[?true]", "$[?@.a && 1]", "$[?1 || @.a]", "$[?@.a=1]", "$[?@.a===1]", "$[?@.a<>1]", "$[?@.a==]", "$[?==1]", "$[?!=1]", "$[?@.a==01]", "$[?@.a==1.]", "$[?@.a==.5]",
		"$[?@.a==1e]", "$[?@.a==+1]", "$[?@.a==nil]", "$[?@.a==True]", "$[?@.* == 1]", "$[?@..a == 1]", "$[?@['a','b']==1]", "$[?1==@[?@.a]]", "$[?@.a==1e400]", "$[?@.a & @.b]", "$[?@.a | @.b]", "$[?@.a and @.b]",
		"$[?length(@.a)]", "$[?length(@.*)==1]", "$[?length()==1]", "$[?length(@.a,@.b)==1]", "$[?count(1)==1]", "$[?count(@.a)]", "$[?value('a')=='a']", "$[?match(@.a)]", "$[?match(@.a,'b')==true]", "$[?match(@.a,'b','c')]", "$[?foo(@.a)]", "$[?length (@.a)==1]",
		strings.Repeat("$[?", 10_000), "$[?" + strings.Repeat("(", 100_000), "$[?" + strings.Repeat("!", 100_000) + "@]", "$[?" + strings.Repeat("length(", 100_000),
	} {
		if _, err := jsonpath.Parse(text); err == nil {
			t.Errorf("%.40q is a JSONPath, want none", text)
		}
	}
}

func TestNames(t *testing.T) {
	for query, want := range map[string][]string{
		"$.a": {"a"}, "$.a['b c'].d-e": {"a", "b c", "d-e"}, "$": nil, "$.*": nil, "$..a": nil, "$.a[0]": nil, "$['a','b']": nil, "$.a[?@.b]": nil,
	} {
		q, err := jsonpath.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := q.Names(); ok != (want != nil) || ok && !slices.Equal(got, want) {
			t.Errorf("names of %s: %q %v, want %q", query, got, ok, want)
		}
	}
}

func TestReaches(t *testing.T) {
	for query, want := range map[string]bool{
		"$": true, "$.identity": true, "$.identity.key": true, "$['a','identity']": true, "$.*": true, "$[*]": true, "$..key": true, "$.a": false, "$['a','b']": false, "$.a.identity": false, "$.a[?@.identity]": false,
		"$.a[?@.b==$.identity.key]": true, "$.a[?@.b==$.c.identity]": false, "$.a[?@.b[?$..c]]": true, "$.a[?match(@.b,$.identity.key)].c": true, "$[?@.a]": true, "$[0]": true,
	} {
		q, err := jsonpath.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Reaches("identity"); got != want {
			t.Errorf("%s reaches identity: %v, want %v", query, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"abc", "abc", true}, {"abc", "abcd", false}, {"", "", true}, {"a|b", "b", true}, {"a|b", "ab", false}, {"(a|b)+", "abba", true}, {"a{2}", "aa", true}, {"a{2,}", "aaa", true}, {"a{1,2}", "aaa", false}, {"a?b*c+", "cc", true},
		{".", "x", true}, {".", "\n", false}, {".", "\r", false}, {"[.]", "x", false}, {`\.`, ".", true}, {"[a-c-]", "-", true}, {"[-a]", "-", true}, {"[^a]", "b", true}, {`[\]]`, "]", true}, {`\p{Lu}`, "Ä", true}, {`\p{Zs}`, " ", true}, {`[\P{Lu}]`, "Ä", false}, {`\n`, "\n", true},
		// What follows is notation of others.
		{`\d`, "1", false}, {`(?i)a`, "A", false}, {`(?:a)`, "a", false}, {"[", "[", false}, {"[]", "", false}, {"a)", "a)", false}, {"a{", "a{", false}, {"a{,2}", "a", false}, {"a**", "a", false}, {"*", "*", false}, {`\`, `\`, false}, {"[[:alpha:]]", "a", false}, {`\p{L`, "a", false},
		{strings.Repeat("(", 100_000), "", false},
	} {
		q, err := jsonpath.Parse(`$.texts[?match(@,$.pattern)]`)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := first(q, object("texts", []any{c.text}, "pattern", c.pattern)); got != c.want {
			t.Errorf("%.40q matches %q: %v, want %v", c.pattern, c.text, got, c.want)
		}
	}
}

// A search that needs all of its steps finds what it looks for. With one step less it finds nothing.
func TestStepsThatJustSuffice(t *testing.T) {
	for _, query := range []string{"$.limit", "$..isbn", "$.store[?match(@.name,'ant')].name"} {
		q, err := jsonpath.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		const many = 1 << 20
		left := many
		if _, found := q.First(tree(), &left); !found {
			t.Fatalf("%s leads nowhere", query)
		}
		enough, less := many-left, many-left-1
		if _, found := q.First(tree(), &enough); !found || enough != 0 {
			t.Errorf("%s: %v, %d steps are left of those that suffice", query, found, enough)
		}
		if _, found := q.First(tree(), &less); found {
			t.Errorf("%s finds something with one step less than it takes", query)
		}
	}
}

// A pattern that repeats something costs more than one of the same length that does not.
func TestRepetitionsCostMore(t *testing.T) {
	cost := func(pattern string) int {
		q, err := jsonpath.Parse("$.limit[?match('x',$.pattern)]")
		if err != nil {
			t.Fatal(err)
		}
		const many = 1 << 20
		left := many
		q.First(object("limit", []any{int64(1)}, "pattern", pattern), &left)
		return many - left
	}
	if once, repeated := cost("abcd"), cost("a{2}"); once <= 0 || repeated <= once {
		t.Errorf("a pattern costs %d steps, one that repeats something %d", once, repeated)
	}
}

func TestSearchesWithinSearchesAreCutOff(t *testing.T) {
	var many []any
	for range 2000 {
		many = append(many, object("name", "x", "pattern", "[a-z]{1,500}"))
	}
	for query, want := range map[string]bool{
		"$..[?$..[?$..[?@.nothing]]]": false, "$..[?!$..[?!$..[?@.nothing]]]": false, "$.many[-1].name": true, "$..[?@.name=='x'].name": true,
		"$.many[?search(@.name,@.pattern) && search(@.name,$.pattern)].name": true, "$.many[?!search(@.name,$.pattern)].name": false,
	} {
		q, err := jsonpath.Parse(query)
		if err != nil {
			t.Fatal(err)
		}
		if _, found := first(q, object("many", many, "pattern", "x")); found != want {
			t.Errorf("%s: found %v, want %v", query, found, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"$.a['b'][0][1:2:-1].*..c", `$[?(@.a=='x' || !@.b) && length(@)>=1.5e3]`, `$..[?match(@.a,"\u00fc.*")]`, "$[?count($..*)==-0]", "$.user-id"} {
		f.Add(seed)
	}
	root := tree()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 200 {
			return // what nests in a few hundred characters can visit the tree too often
		}
		q, err := jsonpath.Parse(text)
		if err != nil {
			return
		}
		first(q, root)
		if names, ok := q.Names(); ok && q.Reaches("other") != (names[0] == "other") {
			t.Errorf("%q: Names %q and Reaches disagree", text, names)
		}
	})
}

// first searches with a budget that is larger than that of an evaluation.
func first(q *jsonpath.Query, root any) (any, bool) {
	steps := 1 << 24
	return q.First(root, &steps)
}
