package sample

import "testing"

func TestLarger(t *testing.T) {
	if Larger(1, 2) != 2 || Larger(2, 1) != 2 {
		t.Error("not the larger one")
	}
}

func TestEven(t *testing.T) {
	if !Even(0) || Limit != 12 {
		t.Error("0 is odd")
	}
}

func TestSteps(t *testing.T) {
	if Steps(2) != 2 {
		t.Error("not 2 steps")
	}
}

func TestJoin(t *testing.T) {
	if Join("a", "b") != "ab" {
		t.Error("not joined")
	}
}
