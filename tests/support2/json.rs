//! JSON as a list of tokens in order, to be written again in another way.
//!
//! In: a line of a dialogue. Out: a tree that keeps the order of keys, repeated keys, and strings and numbers exactly as
//! they were written; and text in a [`Style`].

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    /// `null`, a boolean or a number, as written.
    Word(String),
    /// A string, as written between its quotes.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Map(Vec<(String, Json)>),
}

/// How it is written.
#[derive(Clone, Copy, Default, Debug)]
pub struct Style {
    /// Between tokens.
    pub gap: &'static str,
    /// After colons and commas.
    pub after: &'static str,
}

impl Json {
    /// Reads one value that is the whole of `text`; `None` where it is none, or nested very deep.
    pub fn read(text: &str) -> Option<Self> {
        let mut r = Reader { text: text.as_bytes(), at: 0 };
        let value = r.value(0)?;
        r.space();
        (r.at == r.text.len()).then_some(value)
    }

    /// A string without anything to escape.
    pub fn text(s: &str) -> Self {
        Self::Text(s.to_owned())
    }

    /// A word or number.
    pub fn word(s: &str) -> Self {
        Self::Word(s.to_owned())
    }

    /// The first member of this name.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(members) = self else { return None };
        members.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The first member of this name, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(members) = self else { return None };
        members.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The members of an object.
    pub fn members(&mut self) -> Option<&mut Vec<(String, Self)>> {
        let Self::Map(members) = self else { return None };
        Some(members)
    }

    /// Every string in it, keys not.
    pub fn each_text(&mut self, change: &mut impl FnMut(&mut String)) {
        match self {
            Self::Word(_) => {}
            Self::Text(s) => change(s),
            Self::List(items) => items.iter_mut().for_each(|v| v.each_text(change)),
            Self::Map(members) => members.iter_mut().for_each(|(_, v)| v.each_text(change)),
        }
    }

    /// As text.
    pub fn write(&self, style: Style) -> String {
        let mut out = String::new();
        self.put(style, &mut out);
        out
    }

    fn put(&self, style: Style, out: &mut String) {
        let Style { gap, after } = style;
        match self {
            Self::Word(w) => out.push_str(w),
            Self::Text(s) => {
                out.push('"');
                out.push_str(s);
                out.push('"');
            }
            Self::List(items) => {
                out.push('[');
                for (i, v) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                        out.push_str(after);
                    }
                    out.push_str(gap);
                    v.put(style, out);
                    out.push_str(gap);
                }
                out.push(']');
            }
            Self::Map(members) => {
                out.push('{');
                for (i, (k, v)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                        out.push_str(after);
                    }
                    out.push_str(gap);
                    out.push('"');
                    out.push_str(k);
                    out.push('"');
                    out.push_str(gap);
                    out.push(':');
                    out.push_str(after);
                    v.put(style, out);
                    out.push_str(gap);
                }
                out.push('}');
            }
        }
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, want: u8) -> Option<()> {
        self.space();
        (self.text.get(self.at) == Some(&want)).then(|| self.at += 1)
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            match self.text.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(String::from_utf8_lossy(self.text.get(start..self.at - 1)?).into_owned())
    }

    fn value(&mut self, depth: u32) -> Option<Json> {
        if depth > 100 {
            return None;
        }
        self.space();
        match self.text.get(self.at)? {
            b'"' => self.string().map(Json::Text),
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                while self.take(b']').is_none() {
                    if !items.is_empty() {
                        self.take(b',')?;
                    }
                    items.push(self.value(depth + 1)?);
                }
                Some(Json::List(items))
            }
            b'{' => {
                self.at += 1;
                let mut members = Vec::new();
                while self.take(b'}').is_none() {
                    if !members.is_empty() {
                        self.take(b',')?;
                    }
                    self.space();
                    let key = self.string()?;
                    self.take(b':')?;
                    members.push((key, self.value(depth + 1)?));
                }
                Some(Json::Map(members))
            }
            _ => {
                let start = self.at;
                while self.text.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)) {
                    self.at += 1;
                }
                (self.at > start).then(|| Json::Word(String::from_utf8_lossy(&self.text[start..self.at]).into_owned()))
            }
        }
    }
}
