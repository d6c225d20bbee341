// Package bolt is a document store in one local file, a bbolt database: for one
// proxy that is to have its documents at once after a restart, whether upstream
// answers or not.
//
// # URL
//
//	bolt:///var/lib/edge-proxy/documents.db   an absolute path
//	bolt:documents.db                         relative to the working directory
//
// There are no parameters. A "?", "#" or "%" of a file's name is written as %3F,
// %23 or %25. The directory is made, for the user only (0700), if it does not
// exist and the one that holds it does; the file is made 0600.
//
// # One file, one process
//
// The file is locked; a second process is refused at once. Leases are therefore
// kept in memory and end with the process.
//
// # What is in the file
//
// Documents as upstream sent them, under their client-side keys, with the times
// they carry, and the named states; never a server-side key. A document lies in
// pieces of 64 KiB, so that the space of an old one serves a new one of another
// size. The file does not shrink: it stays at about the most it ever needed,
// which is two revisions of every document and one more of those being replaced.
//
// Heads and documents carry checksums (CRC-32C). Opening checks the file's structure
// and leaves the documents' bytes to later reads, so that a start takes about
// as long for large documents as for small ones.
//
// # Revisions and versions
//
// A document's former revision is kept beside the current one. When the current
// one turns out to be damaged, Get (and Stat, if it is the damaged part that Stat
// reads) puts the former one in its place, with the times it had, and reports it
// at ERROR. It gets a new version: a caller with the version of the lost one
// gets a conflict or the new version and reads again. Without a sound former
// revision the record is ports.ErrCorrupt, until Put overwrites it. States have no
// former revisions: a spool of counts must not come back.
//
// Versions are random texts of 128 bits. They do not depend on what is in the file,
// so that none is used again after a file was lost, restored or set aside.
//
// # Writing
//
// One goroutine writes. Calls that wait for it meanwhile share the next
// transaction, each with its own compare-and-set, and return when it is synced to
// the disk. Touch is kept in memory, where Get and Stat see it, and written once a
// second for all records together, and by Close. Every transaction costs two
// syncs.
//
// A full disk or another failure to write is ports.ErrUnavailable: what is in the
// file can still be read, and writing works again as soon as the disk does.
//
// # Damage
//
// A file that cannot be read at opening (cut off, overwritten) is
// renamed to NAME.damaged-TIME, never deleted, reported at ERROR, and a new one is
// begun. If only one of the two pages that tell where everything is can be read, the
// file is used, with a warning: what was written last may be missing.
//
// These are not damage, and Open refuses them with what to do: a file that is in use,
// one that this store never wrote, one of a newer version of the program, a directory
// in its place, and whatever the
// operating system does not allow or fails to do.
//
// A file that is damaged while it is open, by somebody who writes over it, is given
// up: all calls return ports.ErrUnavailable, and the next start sets it aside. A file
// that is removed or replaced while it is open is noticed at the next write: a warning
// says so, and the store goes on with the file that is there now, or with a new one.
package bolt
