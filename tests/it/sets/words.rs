//! Names and sentences that say nothing, and how they are broken into lines.

use aesearch::draw::text::text_width;
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::Dice;

const FIRST: &str = "\
    Anna Ben Clara David Elena Farid Grace Hugo Ines Jonas Kira Leo Mara Nils Olga Pavel Rosa \
    Sven Tilda Umar Vera Wim Yara Zoe";
const LAST: &str = "\
    Abbot Berger Costa Dubois Eriksen Fischer Grant Hansen Ivanov Jansen Keller Lindqvist Moreau \
    Novak Olsen Petrov Quinn Rossi Schmidt Tanaka Urban Vogel Weber Young";
const PLACES: &str = "\
    Mill Church Station Harbour Garden Castle Market Bridge River Forest Park School Tower Lake \
    Hill Abbey Meadow Orchard Quarry Chapel";
const WORDS: &str = "\
    the a this our their your every some last first new old small open late early of for with \
    from about between after before under over and but because while where delivery order \
    account meeting garden window contract invoice weather morning evening week month offer \
    question answer machine bicycle letter station train kitchen table price report sample \
    picture neighbour daughter teacher office hospital harbour river mountain village summer \
    winter arrives leaves begins ends costs means needs shows takes brings keeps sends finds \
    opens closes waits thank write call travel repair measure agree forget remember prefer \
    expect please kindly soon again today tomorrow yesterday together perhaps certainly quickly \
    quite never always twelve forty hundred";

fn one(list: &'static str, dice: &mut Dice) -> &'static str {
    let words: Vec<&str> = list.split_whitespace().collect();
    words.choose(dice).copied().expect("a list of words")
}

pub(super) fn first_name(dice: &mut Dice) -> &'static str {
    one(FIRST, dice)
}

pub(super) fn full_name(dice: &mut Dice) -> String {
    format!("{} {}", one(FIRST, dice), one(LAST, dice))
}

pub(super) fn street(dice: &mut Dice) -> String {
    format!("{} {}", one(PLACES, dice), ["Street", "Road", "Lane", "Square"].choose(dice).expect("a kind"))
}

/// So many words, the first with a capital.
pub(super) fn phrase(dice: &mut Dice, n: usize) -> String {
    let words: Vec<&str> = (0..n).map(|_| one(WORDS, dice)).collect();
    let all = words.join(" ");
    format!("{}{}", all[..1].to_uppercase(), &all[1..])
}

pub(super) fn sentences(dice: &mut Dice, n: usize) -> String {
    let sentence = |dice: &mut Dice| {
        let n = dice.random_range(5..14);
        phrase(dice, n) + "."
    };
    (0..n).map(|_| sentence(dice)).collect::<Vec<_>>().join(" ")
}

/// The lines of a text that may be so many pixels wide.
pub(super) fn lines(text: &str, size: f32, width: usize) -> Vec<String> {
    let space = text_width("n n", size) - text_width("nn", size);
    let (mut lines, mut reached) = (vec![String::new()], 0);
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("at least one");
        let more = text_width(word, size);
        if line.is_empty() || reached + space + more <= width {
            reached += more + if line.is_empty() { 0 } else { space };
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
            reached = more;
        }
    }
    lines
}
