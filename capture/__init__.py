"""The device's side: hands files over, gets receipts, and touches nothing on the way.

Knows HTTP and the kernel (`verify`), never the database or the object store.

source     a file being read: fingerprints, and the promise to leave it as it was
client     the wire: tus 1.0 with checksums, states, receipts
sending    one file from offset to receipt, whatever the link does
push       several files: keys, receipts kept, the summary
pins       which log key is trusted for which server
receipts   where receipts are kept, and whether one proves a file
progress   what a person or a program sees meanwhile
"""
