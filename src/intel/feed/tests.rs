//! What a damaged feed still gives, and what is said of the damage.

use proptest::prelude::*;

use super::*;

/// Names and blocks that were handed out, and the problems.
fn taken(text: &str) -> (Vec<String>, Vec<String>, Outcome) {
    let mut names = Vec::new();
    let out = read("own.toml", text, &mut |item| match item {
        Item::Entry(e) => names.extend(e.names.iter().map(|(n, line)| format!("{line} {n}"))),
        Item::Shared(s) => names.extend(s.prefixes.iter().map(|(n, line)| format!("{line} {n}"))),
    })
    .unwrap();
    (names, out.problems.iter().map(ToString::to_string).collect(), out)
}

fn pool(entries: &str) -> String {
    format!("version = 1\n[[pool]]\nname = \"P\"\nentries = [\n{entries}]\n")
}

#[test]
fn a_missing_comma_costs_nothing_and_is_named() {
    let (names, said, out) =
        taken(&pool("{ names = [\"a.example\"] },\n{ names = [\"b.example\"] }\n{ names = [\"c.example\"] }\n"));
    assert_eq!(names, ["5 a.example", "6 b.example", "7 c.example"]);
    assert_eq!(said, ["own.toml:6: warning: a comma is missing behind this entry"]);
    assert_eq!(out.bad, 0);
}

#[test]
fn a_wrong_line_costs_that_line_and_is_the_one_that_is_named() {
    for wrong in [
        "{ names = [\"b.example], plain = [1] },",
        "{ names = [\"b.example\", plain = [1] },",
        "{ names = [\"b.example\"] plain = [1] },",
        "{ names = [\"b.example\"], plain = [1, },",
        "names = [\"b.example\"] },",
        "{ names = [\"b.example\"] } },",
        "{ names = [\"b.example\"], plain = [99999] },",
        "{ names = [\"b.example\"], role = \"stratun\" },",
        "]{",
        "],",
    ] {
        let text = pool(&format!("{{ names = [\"a.example\"] }},\n{wrong}\n{{ names = [\"c.example\"] }},\n"));
        let (names, said, out) = taken(&text);
        assert_eq!(names, ["5 a.example", "7 c.example"], "{wrong}: {said:?}");
        assert_eq!((said.len(), out.bad), (1, 1), "{wrong}: {said:?}");
        assert!(said[0].starts_with("own.toml:6: error: ") && said[0].ends_with("was left out"), "{wrong}: {said:?}");
    }
}

#[test]
fn entries_over_several_lines_load_and_a_wrong_one_costs_only_itself() {
    let good = "{ names = [\"a.example\"],\n  plain = [\n    1,\n    2,\n  ] },\n{ names = [\n\"b.example\",\n] }, { names = [\"c.example\"] },\n";
    assert_eq!(taken(&pool(good)).0, ["5 a.example", "11 b.example", "12 c.example"]);
    let (names, said, _) = taken(&pool(&format!("{good}{{ nmes = [\"d.example\"],\n plain = [1] }},\n")));
    assert_eq!(names, ["5 a.example", "11 b.example", "12 c.example"]);
    assert!(said.len() == 1 && said[0].starts_with("own.toml:13: error: unknown field `nmes`"), "{said:?}");
}

#[test]
fn any_valid_toml_loads() {
    for text in [
        "version = 1\n\n  [[pool]]\n  name = \"x\"\n  entries = [\n    { names = [\"a.example\"] },\n  ]\n",
        "version = 1\n[[pool]]\nname = \"x\"\n[[pool.entries]]\nnames = [\"a.example\"]\nplain = [3333]\n",
        "version = 1\npool = [{ name = \"x\", entries = [{ names = [\"a.example\"] }] }]\n",
        "version = 1\n[[pool]]\nname = \"x\"\nsource = \"\"\"\n[[shared]] is no table here\"\"\"\nentries = [{ names = [\"a.example\"] }]\n",
        "version = 1\r\n[[pool]]\r\nname = \"x\"\r\nentries = [\r\n{ names = [\"a.example\"] },\r\n]\r\n",
    ] {
        let (names, said, _) = taken(text);
        assert_eq!((names.len(), said.len()), (1, 0), "{text}: {said:?}");
        assert!(names[0].ends_with(" a.example"));
    }
}

#[test]
fn entries_are_counted_and_not_tables() {
    let table = |pool: &str, n: usize| {
        let lines: Vec<String> = (0..n).map(|i| format!("{{ names = [\"p{i}.example\"] }},\n")).collect();
        let lines = lines.concat();
        format!("[[pool]]\n{pool}\nentries = [\n{lines}]\n")
    };
    let text = format!("version = 1\n{}{}", table("name = \"A\"", 60), table("name = \"B\"\nsorce = \"x\"", 9000));
    match read("own.toml", &text, &mut |_| {}).unwrap_err() {
        LoadError::MostlyBad { bad: 9000, all: 9060, first, .. } => {
            assert_eq!((first.line, first.what.contains("did you mean `source`?")), (68, true), "{first}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_file_that_was_cut_off_is_told_and_gives_what_is_whole() {
    let (names, said, _) = taken(
        "version = 1\n[[pool]]\nname = \"P\"\nentries = [\n{ names = [\"a.example\"] },\n{ names = [\"b.example\"] },\n{ names = [\"c.example\"] },\n{ nam",
    );
    assert_eq!(names, ["5 a.example", "6 b.example", "7 c.example"]);
    assert!(said.iter().any(|s| s.starts_with("own.toml:8: error: the array has no end")), "{said:?}");
}

/// What cannot be seen on a line may say another thing than what is read.
#[test]
fn names_sources_and_coins_hold_nothing_invisible() {
    let good = "{ names = [\"a.example\"] }, { names = [\"b.example\"] }, { names = [\"c.example\"] },";
    for c in ['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}', '\u{9b}'] {
        for (entry, line) in [
            (format!("{{ names = [\"d.example\"], source = \"s{c}\" }},\n"), 6),
            (format!("{{ names = [\"d.example\"], coins = [\"X{c}\"] }},\n"), 6),
        ] {
            let (names, said, _) = taken(&pool(&format!("{good}\n{entry}")));
            let wanted = format!("own.toml:{line}: error: ");
            assert!(names.len() == 3 && said.len() == 1 && said[0].starts_with(&wanted), "{said:?}");
            assert!(said[0].contains(&format!("U+{:04X}", u32::from(c))), "{said:?}");
        }
        for (wrong, line) in [
            (format!("name = \"x{c}\"\n"), 8),
            (format!("name = \"x\"\nsource = \"s{c}\"\n"), 9),
            (format!("name = \"x\"\ncoins = [\"X{c}\"]\n"), 8),
        ] {
            let text = pool(&format!("{good}\n")) + "[[pool]]\n" + &wrong + "entries = [{ names = [\"d.example\"] }]\n";
            let (names, said, _) = taken(&text);
            assert!(
                names.len() == 3 && said.len() == 1 && said[0].starts_with(&format!("own.toml:{line}: ")),
                "{said:?}"
            );
        }
    }
}

#[test]
fn what_is_called_shared_is_no_large_part_of_the_world() {
    let shared = |prefixes: &str| {
        pool("{ names = [\"a.example\", \"b.example\", \"c.example\"] },\n")
            + &format!("[[shared]]\nname = \"F\"\nsource = \"s\"\nprefixes = [{prefixes}]\n")
    };
    let (names, said, _) = taken(&shared("\"0.0.0.0/0\",\n\"198.0.0.0/7\",\n\"2000::/3\",\n\"203.0.113.0/24\""));
    assert!(names.len() == 4 && names[3].ends_with("203.0.113.0/24"), "{names:?}");
    let lines: Vec<_> = said.iter().map(|s| s.split(": error: ").next().unwrap()).collect();
    assert_eq!(lines, ["own.toml:10", "own.toml:11", "own.toml:12"], "{said:?}");
    let wide: Vec<String> = (1..=17).map(|i| format!("\"{i}.0.0.0/8\"")).collect();
    let (names, said, out) = taken(&shared(&wide.join(",")));
    assert_eq!((names.len(), said.len(), out.bad), (3, 1, 1), "{said:?}");
    assert!(said[0].starts_with("own.toml:8: error: its shared ranges are more than"), "{said:?}");
    // Twice the same is no more than once.
    let twice = format!("{},{0}", wide[..16].join(","));
    assert_eq!(taken(&shared(&twice)).1, [""; 0]);
}

#[test]
fn feeds_of_others_can_be_taken_without_their_shared_ranges() {
    let text = pool("{ names = [\"a.example\"] },\n") + "  [[shared]]\nname = \"F\"\n[[pool]]\nname = \"Q\"\n";
    let (kept, dropped) = pools_only(&text);
    assert_eq!((dropped, kept), (1, pool("{ names = [\"a.example\"] },\n") + "[[pool]]\nname = \"Q\"\n"));
}

proptest! {
    /// However a list is damaged: it is refused, or every line that was not touched gives what it gave before.
    #[test]
    fn damage_to_one_line_costs_one_line(line in 0usize..20, at in 0usize..40, junk in "[\\[\\]{}\"',=#a-z0-9 ]{0,6}", cut in 0usize..6) {
        let lines: Vec<String> = (0..20).map(|i| format!("    {{ names = [\"p{i}.example\"], plain = [{}] }},", i + 1)).collect();
        let mut damaged = lines.clone();
        let one = &mut damaged[line];
        let from = at.min(one.len());
        let to = (from + cut).min(one.len());
        one.replace_range(from..to, &junk);
        // A table of its own begins there.
        prop_assume!(!one.trim_start().starts_with("[["));
        let text = pool(&(damaged.join("\n") + "\n"));
        // A bracket may end the table: then nobody can say what belongs to it.
        prop_assume!(read("own.toml", &text, &mut |_| {}).is_ok());
        let (names, said, _) = taken(&text);
        for i in (0..20).filter(|i| *i != line) {
            let name = format!("{} p{i}.example", i + 5);
            prop_assert!(names.contains(&name), "{name} is missing: {said:?}\n{}", damaged[line]);
        }
    }
}
