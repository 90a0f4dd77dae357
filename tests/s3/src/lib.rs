//! Tests of blobs and artifacts on an S3 server, whose address is in `MODELDB_TEST_S3`. The bucket is made here.

#[cfg(test)]
mod tests;
