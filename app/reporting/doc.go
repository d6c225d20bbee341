// Package reporting reports to upstream how the proxy is used: how often what was
// served (Usage), and which features applications asked for (Analytics). It also
// forwards the events of experiments (Events).
//
// All collect in bounded memory and deliver every interval. They share
// the courier, which delivers what has been collected, again after a pause when
// upstream does not accept it, and once more at the end. They differ in what happens
// to a report that may or may not have arrived. Usage is paid for: a batch is sent
// again unchanged under its own key, which upstream counts once, and it is kept in the
// store (spool). Analytics have no such key: their counts are added to those that have
// come since. Events are kept in the store too (slot), have no key either, and are sent
// until upstream has answered.
//
// Counting usage is part of every request: one atomic load, one look into a map that
// does not change, one atomic addition.
//
// # Usage is counted once
//
// A served request passes through these states, each in one place:
//
//	counted   in counters, in memory
//	   │ collect: every interval while other batches wait, and before batches are sent
//	   ▼
//	open      in a batch with a key, in the spool; later counts are added to it
//	   │ seal: the batch is about to be sent, or another process may have it
//	   ▼
//	sealed    in a batch that never changes again, in the spool
//	   │ sent under its key until upstream has answered
//	   ▼
//	settled   accepted or refused, and removed from the spool
//
// Three rules make the count exact:
//
//  1. Only a batch that no other process can have may change. Once it is sent, or
//     once another process may have read it from the spool, it is sealed.
//  2. Upstream counts a key once. So sealed batches may be in several spools, and
//     several processes may send them.
//  3. Others may have what the spool stored last. When another process has taken the
//     spool over, or the outcome of a write is unknown, open batches are sealed as they
//     were stored, and later counts go into new batches. A process that takes a spool
//     over therefore writes to it first, and has its batches only if that succeeds: a
//     lease runs out under a process that is slow, too, and only the version stops it
//     from saving.
//
// A crash loses what is only counted, which is one interval at most. One double fault
// remains: when the outcome of a write that made an open batch larger is unknown, and
// another process takes the spool over before this one reaches the store again, what
// the write added may be counted twice.
package reporting
