// Package inspect answers what operators ask about environment documents: how the flags
// of an identity come about, and what distinguishes two documents. The command line and the
// admin listener ask it. It stores and logs nothing of a question or an answer.
//
// The types of answers have the JSON that operators get, and can be read from it again.
package inspect
