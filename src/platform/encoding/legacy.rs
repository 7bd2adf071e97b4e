//! The encodings of before Unicode, as far as they can be told apart.
//!
//! Nothing in a file says which of them it is in. Each candidate names what its texts have and those of
//! others do not; a file that fits none of them, or several, is in none.

use crate::platform::encoding::charset::Charset;
use crate::platform::encoding::stored::StoredText;

/// Characters of which Chinese texts have many. In the encodings of other languages that use the same bytes,
/// these mean signs that are no more frequent than others.
const FREQUENT: &str = "的一是不了在有人我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运";
/// Characters of Windows-1252 that texts do not have.
const NEVER: &str = "ƒˆ˜¨¯¸\u{a4}\u{a6}";
/// Characters that stand within words, besides letters.
const WITHIN_WORDS: &str = "’·–—´\u{ad}";

/// Signs of Windows-1252 that say something by themselves: whole characters of other encodings are not made
/// of them and ASCII.
const CLEAR: &str = "©®°§«»£±µ";
/// The least share of kana in a Japanese text, as a divisor.
const KANA: usize = 20;
/// The same where a text without them may be Chinese.
const MANY_KANA: usize = 5;

/// Tells whether a text, with its bytes, is one of an encoding.
type Fits = fn(&[u8], &str) -> bool;

/// Reads bytes that are no UTF-8, when they can be in one encoding only.
pub(super) fn read(bytes: &[u8]) -> Option<StoredText> {
    let candidates: [(Charset, Fits); 4] = [
        (Charset::Windows1252, |_, text| is_western(text)),
        (Charset::ShiftJis, |_, text| is_japanese(text, KANA)),
        // Kana have the same bytes in the encoding of Chinese, whose texts have hardly any.
        (Charset::EucJp, |_, text| is_japanese(text, MANY_KANA)),
        (Charset::Gb18030, is_chinese),
    ];
    let mut fitting = candidates.into_iter().filter_map(|(charset, fits)| {
        let stored = StoredText::read(charset, bytes)?;
        fits(bytes, &stored.text).then_some(stored)
    });
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

/// True if letters with accents stand within words of plain letters, as they do in Western Europe. In
/// texts of other encodings, the letters that are read so make whole words, or stand where no such sign
/// does.
fn is_western(text: &str) -> bool {
    let is_foreign = |c: char| NEVER.contains(c) || matches!(c, '\u{80}'..='\u{9f}');
    if text.contains(is_foreign) || has_odd_place(text) {
        return false;
    }
    let (mut plain, mut accented, mut mixed, mut alone) = (0, 0, 0, 0);
    for word in text.split(|c: char| !is_letter(c)) {
        let high = word.chars().filter(|c| !c.is_ascii()).count();
        let low = word.chars().count() - high;
        if high > 1 && low == 0 {
            return false;
        }
        plain += low;
        accented += high;
        mixed += usize::from(high > 0 && low > 0);
        alone += usize::from(high > 0 && low == 0);
    }
    if accented == 0 {
        let mut signs = text.chars().filter(|c| !c.is_ascii());
        return signs.all(|c| CLEAR.contains(c));
    }
    plain >= 2 * accented && alone <= 2 * mixed
}

/// True if an accented capital follows a small letter, or a sign parts a word.
fn has_odd_place(text: &str) -> bool {
    let mut before = [' ', ' '];
    for character in text.chars().chain(std::iter::once(' ')) {
        let [first, middle] = before;
        let is_odd_capital = middle.is_lowercase() && character.is_uppercase();
        if is_odd_capital && !character.is_ascii() {
            return true;
        }
        let is_sign = !middle.is_ascii() && !is_letter(middle) && !WITHIN_WORDS.contains(middle);
        if is_sign && is_letter(first) && is_letter(character) {
            return true;
        }
        before = [middle, character];
    }
    false
}

fn is_letter(character: char) -> bool {
    character.is_alphabetic() && !matches!(character, 'ª' | 'º')
}

/// True if nearly everything beside ASCII is Japanese, and at least one of `share` characters of it is kana.
fn is_japanese(text: &str, share: usize) -> bool {
    let (mut kana, mut known, mut all) = (0, 0, 0);
    for character in text.chars().filter(|c| !c.is_ascii()) {
        all += 1;
        match character {
            '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}' => kana += 1,
            '\u{4e00}'..='\u{9fff}' | '\u{3000}'..='\u{303f}' | '\u{ff01}'..='\u{ff5e}' => {
                known += 1;
            }
            _ => {}
        }
    }
    kana >= 2 && kana * share >= all && (kana + known) * 10 >= all * 9
}

/// True if nearly all pairs of bytes are of the oldest Chinese table, and its frequent characters are
/// frequent. Korean and traditional Chinese pairs have smaller first bytes.
fn is_chinese(bytes: &[u8], text: &str) -> bool {
    let is_kana = |c: char| matches!(c, '\u{3041}'..='\u{30ff}');
    if text.contains(is_kana) {
        return false;
    }
    let (mut pairs, mut signs, mut upper, mut others) = (0, 0, 0, 0);
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if first.is_ascii() {
            continue;
        }
        let Some((second, after)) = rest.split_first() else {
            return false;
        };
        rest = after;
        pairs += 1;
        match (*first, *second) {
            (0xb0..=0xf7, 0xa1..=0xfe) => {
                signs += 1;
                upper += usize::from(*first >= 0xc9);
            }
            (0xa1..=0xa9, 0xa1..=0xfe) => {}
            _ => others += 1,
        }
    }
    let frequent = text.chars().filter(|c| FREQUENT.contains(*c)).count();
    signs >= 4 && others * 20 <= pairs && upper * 5 >= signs && frequent * 3 >= signs
}
