// Package archive reads and writes exports of document stores: a directory that
// any store can be filled from.
//
//	shop.json        the document under the key "shop", byte for byte
//	…
//	manifest.json    what the documents are, and what the store knew about them
//
// The manifest is written last: without it an export is not complete. Ordinary keys
// make the file names that api_url file:///dir reads, so that a proxy can serve an
// export. Reading and writing never leave the directory, whatever a manifest, a link
// or a key says.
package archive
