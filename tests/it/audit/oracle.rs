//! Verifies proofs as an auditor does: with an implementation of RFC 9162 that is not this server's.

use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use navi::audit::record::Hash;
use sha2::Sha256;

fn tree(size: u64, root: &Hash) -> RootHash<Sha256> {
    RootHash::new((*root).into(), size)
}

/// True if data is that of the leaf at `index` of the tree with this size and root.
pub(super) fn is_included(
    index: u64,
    data: &[u8],
    proof: &[Hash],
    (size, root): (u64, &Hash),
) -> bool {
    let proof = InclusionProof::try_from_bytes(proof.concat()).unwrap();
    let verified = tree(size, root).verify_inclusion(&data, index, &proof);
    verified.is_ok()
}

/// True if the tree with the second size and root begins with the first, which has leaves.
pub(super) fn is_consistent(
    (first, first_root): (u64, &Hash),
    (second, second_root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    let proof = ConsistencyProof::try_from_bytes(proof.concat()).unwrap();
    let verified = tree(second, second_root).verify_consistency(&tree(first, first_root), &proof);
    verified.is_ok()
}
