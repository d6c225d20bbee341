// Package redis keeps environment documents in Redis, shared by all nodes of a
// fleet: one server, a Cluster, or a master behind Sentinels; version 7.0 or
// later, or a server that speaks the same.
//
// # URLs
//
//	redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
//	redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]…
//	redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]…[/DATABASE]?master=NAME
//
// and the same with rediss, which is TLS to every server and Sentinel. Ports are
// 6379, of Sentinels 26379, unless given; where several hosts have ports, the last
// must have one. Of a Cluster and of Sentinels some hosts suffice, they know the
// others. USER and PASSWORD are those of the servers. Characters that mean
// something in a URL are written as %XX.
//
// Parameters:
//
//	password_file           file with the password, instead of one in the URL;
//	                        read for each new connection, so that a rotated
//	                        password needs no restart
//	timeout                 how long a server may be silent, 2s unless given
//	connect_timeout         how long connecting may take, TLS included, 1s unless
//	                        given
//	connection_lifetime     after how long a connection is replaced, 30s unless
//	                        given: new ones follow a change of DNS
//	pool_size               connections to each server, 16 unless given; a
//	                        subscription for Watch comes on top
//	master                  the name the Sentinels know the master by
//	sentinel_username       user and password of the Sentinels, where they want
//	sentinel_password_file  any; read once, when the store opens
//	ca_file                 PEM file of the authorities that sign the servers'
//	                        certificates; the system's unless given
//	cert_file, key_file     PEM files of the client certificate and its key
//	server_name             the name in the servers' certificates, where it is not
//	                        the host connected to, as in a Cluster that knows its
//	                        nodes by address
//
// Certificate files are read for each new connection. Certificates are always
// verified: somebody who poses as Redis could give the fleet any flags.
//
// # What is stored
//
// With the prefix edge-proxy (store.prefix) and an environment's client-side key:
//
//	edge-proxy:{KEY}:record   hash: version, updated_at, checked_at, size, sum, body
//	edge-proxy:{NAME}:state   hash: version, size, sum, body
//	edge-proxy:leases         hash: for each lease, until when who has it, and the note
//	edge-proxy:changes        channel: keys whose record changed
//
// Characters of KEY and NAME other than letters, digits and "-._~" are written as
// %XX. The braces make all that bears one KEY share a slot of a Cluster. Fleets
// with different prefixes see nothing of each other. Neither server-side keys nor
// passwords are ever stored.
//
// The body is compressed (gzip: "redis-cli hget NAME body" piped through "head -c
// -1" and "gunzip" shows it) and with the rest covered by the checksum sum. A record
// expires a week after it was last written or touched, a state after
// the time that ExpireState sets, or never. The hash of leases
// expires a week after it was made, which is also the clock by which leases run out.
//
// # How it fails
//
// A server that refuses, hangs, loads its data, is at its memory limit, lacks a
// master or rejects the password makes calls return ports.ErrUnavailable with the
// cause, each within seconds: a call whose data are small within timeout, a larger
// one as soon as the server is silent for that long. Nothing waits for Redis to
// come back; the next call connects again. Watch notices a dead or silent server
// within two timeouts.
//
// Wiped, Redis is as good as new: versions are random and never come again. What
// cannot be read (damaged, or somebody else's) is ports.ErrCorrupt, and Put may
// replace it.
//
// Replication is asynchronous. A failover, in a Cluster or by Sentinels, may undo
// the writes of the last moments although they were acknowledged: the record has
// its former version again, and a lease may be held twice until the second runs
// out. Compare-and-set stays safe: a writer that saw the lost version gets
// ports.ErrConflict, reads what is there, and writes again. A node that holds a
// newer document than the store does loses nothing.
//
// # Permissions
//
// The user needs the keys ~PREFIX:* and the channel &PREFIX:changes, and the commands
//
//	hello auth ping select eval evalsha type exists unlink pexpire pttl scan
//	hget hmget hset get set publish subscribe
//
// in a Cluster also cluster|slots, command and asking.
//
// # Sizing
//
// Redis needs the compressed size of all documents, commonly a tenth of their
// JSON, twice over for the largest while it is replaced, and as much again for each
// replica's buffer. Set maxmemory-policy to noeviction, or to a volatile one in a
// Redis that is shared with a cache: an evicted record is merely fetched again, but
// an evicted lease makes two nodes poll. Persistence is optional; with it, a
// restarted Redis serves nodes that start before upstream answers. List scans all
// keys of the database, others' too: give a large shared Redis a database or a
// server of its own for this.
package redis
