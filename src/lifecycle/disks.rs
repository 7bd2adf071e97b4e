//! Room on the disks that this process writes to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::statvfs::statvfs;
use tokio_util::sync::CancellationToken;

use crate::platform::metrics::Metrics;

/// The interval of looks. A scrape reads what the last one found, so a disk that hangs stops no scrape.
const EVERY: Duration = Duration::from_secs(10);

/// Room on the disk of a folder, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskRoom {
    /// Bytes that this process may still write.
    pub free: u64,
    /// Bytes that can be written in all, these included.
    pub size: u64,
}

/// The folders that are watched, with their labels: the data folder, and that of temporary files, in which
/// the folders of runs are.
pub fn places(data: Option<PathBuf>) -> Vec<(&'static str, PathBuf)> {
    let data = data.map(|folder| ("data", folder));
    data.into_iter()
        .chain([("temporary", std::env::temp_dir())])
        .collect()
}

/// Looks after the room of these places until `stopping`.
pub async fn watch(
    places: Vec<(&'static str, PathBuf)>,
    metrics: Metrics,
    stopping: CancellationToken,
) {
    let looks = async {
        loop {
            for (place, folder) in &places {
                let folder = folder.clone();
                let looking = tokio::task::spawn_blocking(move || room_of(&folder));
                match looking.await.map_err(std::io::Error::other).flatten() {
                    Ok(room) => show(&metrics, place, room),
                    Err(error) => tracing::warn!(%error, place, "a disk's room is unknown"),
                }
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    let _ended: Option<()> = stopping.run_until_cancelled(looks).await;
}

/// The room of a folder, or of the nearest one above it that is there.
pub fn room_of(folder: &Path) -> std::io::Result<DiskRoom> {
    let there = folder.ancestors().find(|folder| folder.exists());
    let found = statvfs(there.unwrap_or(Path::new("/")))?;
    let free = found.blocks_available();
    // Blocks kept back for root are neither free nor used.
    let usable = found.blocks() - found.blocks_free() + free;
    Ok(DiskRoom {
        free: free * found.fragment_size(),
        size: usable * found.fragment_size(),
    })
}

fn show(metrics: &Metrics, place: &str, room: DiskRoom) {
    for (gauge, bytes) in [
        (&metrics.navi_disk_free_bytes, room.free),
        (&metrics.navi_disk_size_bytes, room.size),
    ] {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        gauge.with_label_values(&[place]).set(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_the_room_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let room = room_of(&folder.path().join("not/there")).unwrap();
        assert_eq!(room.size, room_of(folder.path()).unwrap().size);
        assert!(room.free > 0 && room.free <= room.size);
    }
}
