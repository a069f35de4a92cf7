//! A small machine that tells text from terminal control: characters in, what they mean out. It keeps its state over
//! chunk borders. It is not a terminal: nothing is executed, nothing but SGR parameters is remembered.

/// Bytes of parameters that are kept of one CSI sequence; a longer one is ignored.
const PARAMS_MAX: usize = 64;
/// Characters of one string sequence (OSC, DCS, …) after which it is taken for a mistake and text is shown again.
const STRING_MAX: u32 = 1 << 20;

/// What one character turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Text.
    Print(char),
    Newline,
    Tab,
    /// A carriage return.
    Return,
    /// A control character or a part of a sequence: not shown.
    Control,
    /// The end of a `CSI … m`; its parameters are in [`Machine::params`].
    Sgr,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Ground,
    /// After ESC (and intermediates).
    Escape,
    Csi,
    /// In the payload of OSC (`bell` ends it), DCS, APC, PM or SOS.
    Text {
        bell: bool,
    },
    /// ESC within a payload: `\` ends it, anything else begins a new sequence.
    TextEscape,
}

/// The machine.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    state: State,
    params: String,
    /// The CSI has a private marker, an intermediate or too many parameters: not a plain SGR.
    odd: bool,
    payload: u32,
}

impl Machine {
    /// True when the next character is plain text or begins a sequence.
    pub(super) fn is_ground(&self) -> bool {
        self.state == State::Ground
    }

    /// The parameters of the SGR that has just ended.
    pub(super) fn params(&self) -> &str {
        &self.params
    }

    /// Takes one character.
    pub(super) fn step(&mut self, ch: char) -> Seen {
        match self.state {
            State::Ground => self.ground(ch),
            State::Escape => self.escape(ch),
            State::Csi => self.csi(ch),
            State::Text { bell } => self.text(ch, bell),
            State::TextEscape if ch == '\\' => self.back(Seen::Control),
            State::TextEscape => {
                self.state = State::Escape;
                self.escape(ch)
            }
        }
    }

    fn back(&mut self, seen: Seen) -> Seen {
        self.state = State::Ground;
        seen
    }

    fn ground(&mut self, ch: char) -> Seen {
        match ch {
            '\n' => Seen::Newline,
            '\t' => Seen::Tab,
            '\r' => Seen::Return,
            '\u{1b}' => self.begin(State::Escape),
            '\u{9b}' => self.begin(State::Csi),
            '\u{9d}' => self.begin(State::Text { bell: true }),
            '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => self.begin(State::Text { bell: false }),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Seen::Control,
            _ => Seen::Print(ch),
        }
    }

    fn begin(&mut self, state: State) -> Seen {
        self.state = state;
        self.params.clear();
        self.odd = false;
        self.payload = 0;
        Seen::Control
    }

    fn escape(&mut self, ch: char) -> Seen {
        match ch {
            '[' => self.begin(State::Csi),
            ']' => self.begin(State::Text { bell: true }),
            'P' | 'X' | '^' | '_' => self.begin(State::Text { bell: false }),
            ' '..='/' => Seen::Control,
            '0'..='~' => self.back(Seen::Control),
            _ => self.within(ch),
        }
    }

    fn csi(&mut self, ch: char) -> Seen {
        match ch {
            '0'..='9' | ';' | ':' => {
                self.odd |= self.params.len() >= PARAMS_MAX;
                if !self.odd {
                    self.params.push(ch);
                }
                Seen::Control
            }
            ' '..='?' => {
                self.odd = true;
                Seen::Control
            }
            'm' if !self.odd => self.back(Seen::Sgr),
            '@'..='~' => self.back(Seen::Control),
            _ => self.within(ch),
        }
    }

    /// A character that belongs to no sequence, seen within one: layout controls act and the sequence goes on,
    /// CAN and SUB cancel, anything that is no control ends the sequence and is shown.
    fn within(&mut self, ch: char) -> Seen {
        match ch {
            '\n' => Seen::Newline,
            '\t' => Seen::Tab,
            '\r' => Seen::Return,
            '\u{18}' | '\u{1a}' => self.back(Seen::Control),
            '\u{1b}' | '\u{80}'..='\u{9f}' => {
                self.state = State::Ground;
                self.ground(ch)
            }
            '\0'..='\u{1f}' | '\u{7f}' => Seen::Control,
            _ => self.back(Seen::Print(ch)),
        }
    }

    fn text(&mut self, ch: char, bell: bool) -> Seen {
        self.payload += 1;
        match ch {
            '\u{7}' if bell => self.back(Seen::Control),
            '\u{9c}' | '\u{18}' | '\u{1a}' => self.back(Seen::Control),
            '\u{1b}' => {
                self.state = State::TextEscape;
                Seen::Control
            }
            _ if self.payload > STRING_MAX => self.back(Seen::Control),
            _ => Seen::Control,
        }
    }
}
