//! Bytes → frames: the event-stream format of the HTML standard, with a limit on memory.

/// The largest frame, and the longest line, that is accepted; in bytes. The last frame of some protocols
/// repeats the whole answer.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The value of `event:`; empty when there was none.
    pub event: String,
    /// The data lines, joined with line feeds.
    pub data: String,
}

/// A frame or line was longer than [`MAX_FRAME_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of the event stream is larger than 4 MiB")]
pub struct FrameTooLarge;

/// Cuts a stream of bytes into frames, wherever the network cut it into packets.
///
/// Lines end with CR LF, LF or CR. Comments and the fields `id` and `retry` are skipped. Bytes
/// that are no UTF-8 become U+FFFD, as the standard says.
#[derive(Debug, Default)]
pub struct FrameReader {
    line: Vec<u8>,
    frame: Frame,
    has_data: bool,
    /// The last byte was CR: an LF that follows belongs to the same line end.
    after_cr: bool,
    started: bool,
}

impl FrameReader {
    /// Reads on in `input` until a frame is complete, and moves `input` behind it. `None` means
    /// that the input is used up.
    pub fn next_frame(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, FrameTooLarge> {
        while let Some(&first) = input.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                *input = &input[1..];
                continue;
            }
            let Some(end) = input.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.keep(input)?;
                *input = &[];
                return Ok(None);
            };
            let (head, rest) = (&input[..end], &input[end + 1..]);
            self.after_cr = input[end] == b'\r';
            *input = rest;
            if self.end_line(head)? {
                return Ok(Some(self.take_frame()));
            }
        }
        Ok(None)
    }

    /// The frame that is left at the end of the stream. The standard drops a frame without its blank line;
    /// some servers leave that line out after their last frame, so it is handed out, and a reader that cannot
    /// make sense of it must take the stream as cut off.
    pub fn finish(&mut self) -> Result<Option<Frame>, FrameTooLarge> {
        if !self.line.is_empty() {
            self.end_line(&[])?;
        }
        Ok(self.has_data.then(|| self.take_frame()))
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), FrameTooLarge> {
        if self.line.len() + part.len() > MAX_FRAME_BYTES {
            return Err(FrameTooLarge);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Handles the line that ends with `tail`; answers whether it completed a frame.
    fn end_line(&mut self, tail: &[u8]) -> Result<bool, FrameTooLarge> {
        if self.line.is_empty() {
            // The usual case: the whole line lies in one packet and is not copied.
            return self.line(tail);
        }
        self.keep(tail)?;
        let line = std::mem::take(&mut self.line);
        let complete = self.line(&line);
        self.line = line;
        self.line.clear();
        complete
    }

    fn line(&mut self, line: &[u8]) -> Result<bool, FrameTooLarge> {
        let line = if std::mem::replace(&mut self.started, true) {
            line
        } else {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line)
        };
        if line.is_empty() {
            // A blank line without data before it only forgets the event's name.
            if !self.has_data {
                self.frame = Frame::default();
            }
            return Ok(self.has_data);
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.frame.data.len() + value.len() >= MAX_FRAME_BYTES {
                    return Err(FrameTooLarge);
                }
                if self.has_data {
                    self.frame.data.push('\n');
                }
                self.has_data = true;
                self.frame.data.push_str(&String::from_utf8_lossy(value));
            }
            b"event" => self.frame.event = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
        Ok(false)
    }

    fn take_frame(&mut self) -> Frame {
        self.has_data = false;
        std::mem::take(&mut self.frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(packets: &[&[u8]]) -> Result<Vec<Frame>, FrameTooLarge> {
        let mut reader = FrameReader::default();
        let mut found = Vec::new();
        for packet in packets {
            let mut input = *packet;
            while let Some(frame) = reader.next_frame(&mut input)? {
                found.push(frame);
            }
        }
        found.extend(reader.finish()?);
        Ok(found)
    }

    fn data(stream: &str) -> Vec<String> {
        frames(&[stream.as_bytes()])
            .unwrap()
            .into_iter()
            .map(|frame| frame.data)
            .collect()
    }

    #[test]
    fn every_line_end_of_the_standard_ends_a_line() {
        assert_eq!(data("data: a\n\ndata: b\n\n"), ["a", "b"]);
        assert_eq!(data("data: a\r\n\r\ndata: b\r\n\r\n"), ["a", "b"]);
        assert_eq!(data("data: a\r\rdata: b\r\r"), ["a", "b"]);
        assert_eq!(data("data: a\r\n\ndata: b\n\r\n"), ["a", "b"]);
    }

    #[test]
    fn data_lines_are_joined_and_only_one_space_is_dropped() {
        assert_eq!(data("data: a\ndata:  b\ndata\ndata:c\n\n"), ["a\n b\n\nc"]);
    }

    #[test]
    fn comments_unknown_fields_and_a_byte_order_mark_are_skipped() {
        assert_eq!(
            data("\u{feff}data: a\n: comment\nid: 7\nretry: 10\nnonsense\n\n: ping\n\n"),
            ["a"]
        );
    }

    #[test]
    fn the_event_name_belongs_to_its_frame_alone() {
        let found = frames(&[b"event: ping\n\nevent: error\ndata: x\n\ndata: y\n\n"]).unwrap();
        assert_eq!(found[0].event, "error");
        assert_eq!(found[1].event, "");
    }

    #[test]
    fn a_last_frame_without_its_blank_line_is_handed_out() {
        assert_eq!(data("data: a\n\ndata: b\n"), ["a", "b"]);
        assert_eq!(data("data: a\n\ndata: b"), ["a", "b"]);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced() {
        let found = frames(&[b"data: a\xffb\n\n"]).unwrap();
        assert_eq!(found[0].data, "a\u{fffd}b");
    }

    #[test]
    fn a_frame_without_end_is_refused_before_it_fills_the_memory() {
        let mut reader = FrameReader::default();
        let packet = vec![b'x'; 64 * 1024];
        let packets = MAX_FRAME_BYTES / packet.len() + 1;
        let refused = (0..packets).any(|_| reader.next_frame(&mut packet.as_slice()).is_err());
        assert!(refused, "one line");
        let mut reader = FrameReader::default();
        let packet = [b"data: ".as_slice(), &packet, b"\n"].concat();
        let refused = (0..packets).any(|_| reader.next_frame(&mut packet.as_slice()).is_err());
        assert!(refused, "many data lines");
    }

    proptest! {
        #[test]
        fn framing_does_not_depend_on_where_the_network_cuts(
            stream in "(data: ?[a-zä€😀{}\" ]{0,8}|event: e|: c|\u{feff}|id: 1)?(\r\n|\n|\r){0,2}"
                .prop_map(|part: String| part)
                .prop_flat_map(|part| (Just(part), "(data: ?[a-zä€😀]{0,6}(\r\n|\n|\r){0,3}|event: x\n|: c\n){0,8}"))
                .prop_map(|(head, tail)| head + &tail),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let bytes = stream.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let packets: Vec<&[u8]> = at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(frames(&packets).unwrap(), frames(&[bytes]).unwrap());
        }

        #[test]
        fn any_bytes_are_the_same_frames_in_one_packet_and_in_many(
            bytes in prop::collection::vec(any::<u8>(), 0..512),
        ) {
            let packets: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(frames(&packets), frames(&[&bytes]));
        }
    }
}
