package reporting

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"github.com/edge-proxy/edge-proxy/domain"
)

// A slot is stored as a line of JSON, with its owner and the sizes of its batches,
// followed by the events as they were sent.
type (
	slotText struct {
		Node    string          `json:"node"`
		Batches []slotBatchText `json:"batches"`
	}
	slotBatchText struct {
		Environment string `json:"client_side_key"`
		ServerKey   string `json:"server_side_key_sha256,omitempty"`
		SDK         string `json:"sdk,omitempty"`
		Lengths     []int  `json:"lengths"` // of the events, in bytes
	}
)

func encodeSlot(node string, batches []*eventBatch) []byte {
	text := slotText{Node: node, Batches: make([]slotBatchText, len(batches))}
	size := 0
	for i, b := range batches {
		t := slotBatchText{Environment: string(b.source.Environment), SDK: b.source.SDK, Lengths: make([]int, len(b.events))}
		if b.source.ServerKey != (domain.KeyDigest{}) {
			t.ServerKey = hex.EncodeToString(b.source.ServerKey[:])
		}
		for j, event := range b.events {
			t.Lengths[j] = len(event)
			size += len(event)
		}
		text.Batches[i] = t
	}
	head, err := json.Marshal(text)
	if err != nil {
		panic(err) // impossible: text consists of strings and numbers
	}
	value := make([]byte, 0, len(head)+1+size)
	value = append(append(value, head...), '\n')
	for _, b := range batches {
		for _, event := range b.events {
			value = append(value, event...)
		}
	}
	return value
}

var errSlotText = errors.New("not a list of events, or a part of one")

// decodeSlot returns the batches of a stored slot.
func decodeSlot(value []byte) ([]*eventBatch, error) {
	head, rest, found := strings.Cut(string(value), "\n")
	var text slotText
	if err := json.Unmarshal([]byte(head), &text); err != nil {
		return nil, err
	}
	if !found {
		return nil, errSlotText
	}
	batches := make([]*eventBatch, len(text.Batches))
	for i, t := range text.Batches {
		b := &eventBatch{source: domain.EventSource{Environment: domain.EnvironmentKey(t.Environment), SDK: t.SDK}}
		digest, err := hex.DecodeString(t.ServerKey)
		if err != nil || len(digest) != 0 && len(digest) != len(b.source.ServerKey) || t.Environment == "" || len(t.Lengths) == 0 {
			return nil, errSlotText
		}
		copy(b.source.ServerKey[:], digest)
		for _, length := range t.Lengths {
			if length <= 0 || length > len(rest) {
				return nil, errSlotText
			}
			b.events = append(b.events, rest[:length])
			rest = rest[length:]
		}
		b.size, b.stored = sizeOf(b.events), len(b.events)
		batches[i] = b
	}
	if rest != "" {
		return nil, errSlotText
	}
	return batches, nil
}

// ownerOf returns the owner of a stored slot. It is empty if the slot does not name one.
func ownerOf(value []byte) string {
	head, _, _ := strings.Cut(string(value), "\n")
	var text struct {
		Node string `json:"node"`
	}
	_ = json.Unmarshal([]byte(head), &text)
	return text.Node
}
