//! Stratum V2 sessions made by its reference implementation: keys, certificate and frames are real.
//!
//! In: what the session is like. Out: a dialogue. Both ends run in here; nothing is mined.

use std::time::Duration;

use binary_sv2::{GetSize, Serialize, Sv2Option};
use codec_sv2::{Encoder, Handshake, MessageFrame, NoiseEncoder, TransportEncryptState};
use common_messages_sv2::{Protocol, SetupConnection, SetupConnectionSuccess};
use mining_sv2::{
    NewExtendedMiningJob, NewMiningJob, OpenExtendedMiningChannel, OpenExtendedMiningChannelSuccess,
    OpenStandardMiningChannel, OpenStandardMiningChannelSuccess, SetNewPrevHash, SubmitSharesError,
    SubmitSharesExtended, SubmitSharesStandard, SubmitSharesSuccess, UpdateChannel,
};
use noise_sv2::{Initiator, Responder};

use crate::kit::dialogue::{Dialogue, MILLI, SECOND, Side, Truth};
use crate::kit::rng::Rng;

/// What the frames are under.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Veil {
    Noise,
    Clear,
}

/// What is opened; an extended channel's shares carry so many bytes of extranonce.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Channel {
    Standard,
    Extended(u8),
}

/// A session to be played.
pub(crate) struct Session {
    pub(crate) channel: Channel,
    /// Shares that one success answers.
    pub(crate) batch: u64,
    pub(crate) shares: u64,
    pub(crate) user: String,
    pub(crate) vendor: String,
    pub(crate) refuse_second: bool,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            channel: Channel::Standard,
            batch: 1,
            shares: 5,
            user: "alice.rig1".to_owned(),
            vendor: "Example Asics".to_owned(),
            refuse_second: false,
        }
    }
}

/// The generator of the curve is the key of the secret 1.
const AUTHORITY: [u8; 32] = [
    0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07, 0x02, 0x9b, 0xfc,
    0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
];

/// Two ends of a connection.
struct Wire {
    dialogue: Dialogue,
    at: u64,
    keys: Option<[TransportEncryptState; 2]>,
}

impl Wire {
    fn open(veil: Veil) -> Self {
        let mut wire = Self { dialogue: Dialogue::new(Truth::default()), at: MILLI, keys: None };
        if veil == Veil::Noise {
            let mut secret = [0; 32];
            secret[31] = 1;
            let validity = Duration::from_hours(1);
            let client = Handshake::initiator(Initiator::from_raw_k(AUTHORITY).unwrap());
            let server = Handshake::responder(Responder::from_authority_kp(&AUTHORITY, &secret, validity).unwrap());
            let (first, client) = client.step_0().unwrap();
            let (second, server) = server.step_1(first.payload().try_into().unwrap()).unwrap();
            wire.say(Side::Client, first.payload().to_vec());
            wire.say(Side::Server, second.payload().to_vec());
            let client = client.step_2(second.payload().try_into().unwrap()).unwrap();
            wire.keys = Some([client.split().0, server.split().0]);
        }
        wire
    }

    fn say(&mut self, side: Side, bytes: Vec<u8>) {
        match side {
            Side::Client => self.dialogue.client(self.at, bytes),
            Side::Server => self.dialogue.server(self.at, bytes),
        }
        self.at += 40 * MILLI;
    }

    fn send<T: Serialize + GetSize>(&mut self, side: Side, kind: u8, channel: bool, message: T) {
        let frame = MessageFrame::from_message(message, kind, 0, channel).unwrap();
        let bytes = match &mut self.keys {
            Some(keys) => NoiseEncoder::new().encode_transport(frame, &mut keys[side.index()]).unwrap(),
            None => Encoder::new().encode(frame).unwrap(),
        };
        self.say(side, bytes);
    }
}

/// 65 536 in the unit of difficulty, least significant byte first.
fn target() -> [u8; 32] {
    let mut t = [0; 32];
    (t[24], t[25]) = (0xff, 0xff);
    t
}

/// Between jobs for the same block.
const REFRESH: u64 = 25 * SECOND;

impl Session {
    /// Plays it: a job before, one every [`REFRESH`] and a block now and then between the shares, which come by chance,
    /// six seconds apart on average (the reference pool aims at ten), and a channel update behind the fourth.
    pub(crate) fn play(&self, veil: Veil, rng: &mut Rng) -> Dialogue {
        let mut w = Wire::open(veil);
        self.connect(&mut w);
        self.open(&mut w, rng);
        self.block(&mut w, rng, 1);
        let (mut job, mut due) = (1, w.at + REFRESH);
        for n in 0..self.shares {
            let at = w.at + 900 * MILLI + (rng.exponential(6.0) * SECOND as f64) as u64;
            while due < at {
                w.at = due.max(w.at + 700 * MILLI);
                job += 1;
                if job % 5 == 0 {
                    self.block(&mut w, rng, job);
                } else {
                    self.job(&mut w, rng, job, false);
                }
                due = w.at + REFRESH;
            }
            w.at = at.max(w.at + 700 * MILLI);
            self.share(&mut w, rng, n as u32, job);
            if self.refuse_second && n == 1 {
                let error = SubmitSharesError {
                    channel_id: 1,
                    sequence_number: 1,
                    error_code: "difficulty-too-low".try_into().unwrap(),
                };
                w.send(Side::Server, 0x1d, true, error);
            } else if (n + 1) % self.batch == 0 {
                let success = SubmitSharesSuccess {
                    channel_id: 1,
                    last_sequence_number: n as u32,
                    new_submits_accepted_count: self.batch as u32,
                    new_shares_sum: self.batch * 65_536,
                };
                w.send(Side::Server, 0x1c, true, success);
            }
            if n == 3 {
                w.at += 2 * SECOND;
                let maximum = target();
                let update =
                    UpdateChannel { channel_id: 1, nominal_hash_rate: 1e14, maximum_target: (&maximum).into() };
                w.send(Side::Client, 0x16, true, update);
                w.at += SECOND;
            }
        }
        w.dialogue.done()
    }

    /// A job for the next block, and that it is there.
    fn block(&self, w: &mut Wire, rng: &mut Rng, id: u32) {
        self.job(w, rng, id, true);
        w.send(
            Side::Server,
            0x20,
            true,
            SetNewPrevHash {
                channel_id: 1,
                job_id: id,
                prev_hash: (&rng.bytes(32)[..]).try_into().unwrap(),
                min_ntime: 1_772_409_600,
                nbits: 0x1702_1c4a,
            },
        );
    }

    fn connect(&self, w: &mut Wire) {
        let setup = SetupConnection {
            protocol: Protocol::MiningProtocol,
            min_version: 2,
            max_version: 2,
            flags: 1,
            endpoint_host: "pool.example".try_into().unwrap(),
            endpoint_port: 3336,
            vendor: self.vendor.as_str().try_into().unwrap(),
            hardware_version: "".try_into().unwrap(),
            firmware: "".try_into().unwrap(),
            device_id: "".try_into().unwrap(),
        };
        w.send(Side::Client, 0x00, false, setup);
        w.send(Side::Server, 0x01, false, SetupConnectionSuccess { used_version: 2, flags: 0 });
    }

    fn open(&self, w: &mut Wire, rng: &mut Rng) {
        let (user_identity, target) = (self.user.as_str().try_into().unwrap(), target());
        let prefix = rng.bytes(4);
        let extranonce_prefix = (&prefix[..]).try_into().unwrap();
        let max_target = [0xff; 32];
        match self.channel {
            Channel::Standard => {
                let open = OpenStandardMiningChannel {
                    request_id: 1,
                    user_identity,
                    nominal_hash_rate: 1e14,
                    max_target: (&max_target).into(),
                };
                w.send(Side::Client, 0x10, false, open);
                let opened = OpenStandardMiningChannelSuccess {
                    request_id: 1,
                    channel_id: 1,
                    target: (&target).into(),
                    extranonce_prefix,
                    group_channel_id: 0,
                };
                w.send(Side::Server, 0x11, false, opened);
            }
            Channel::Extended(n) => {
                let open = OpenExtendedMiningChannel {
                    request_id: 1,
                    user_identity,
                    nominal_hash_rate: 1e14,
                    max_target: (&max_target).into(),
                    min_extranonce_size: n.into(),
                };
                w.send(Side::Client, 0x13, false, open);
                let opened = OpenExtendedMiningChannelSuccess {
                    request_id: 1,
                    channel_id: 1,
                    target: (&target).into(),
                    extranonce_size: n.into(),
                    extranonce_prefix,
                    group_channel_id: 0,
                };
                w.send(Side::Server, 0x14, false, opened);
            }
        }
    }

    fn job(&self, w: &mut Wire, rng: &mut Rng, id: u32, future: bool) {
        let root = rng.bytes(32);
        let min_ntime = Sv2Option::new((!future).then_some(1_772_409_600));
        if self.channel == Channel::Standard {
            let merkle_root = (&root[..]).try_into().unwrap();
            w.send(
                Side::Server,
                0x15,
                true,
                NewMiningJob { channel_id: 1, job_id: id, min_ntime, version: 0x2000_0000, merkle_root },
            );
            return;
        }
        let path: Vec<Vec<u8>> = (0..rng.range(0, 13)).map(|_| rng.bytes(32)).collect();
        let path: Vec<binary_sv2::U256<'_>> = path.iter().map(|h| (&h[..]).try_into().unwrap()).collect();
        let (prefix, suffix) = (rng.bytes(58), rng.bytes(110));
        let job = NewExtendedMiningJob {
            channel_id: 1,
            job_id: id,
            min_ntime,
            version: 0x2000_0000,
            version_rolling_allowed: true,
            merkle_path: path.try_into().unwrap(),
            coinbase_tx_prefix: (&prefix[..]).try_into().unwrap(),
            coinbase_tx_suffix: (&suffix[..]).try_into().unwrap(),
        };
        w.send(Side::Server, 0x1f, true, job);
    }

    fn share(&self, w: &mut Wire, rng: &mut Rng, n: u32, job_id: u32) {
        let (nonce, ntime, version) = (rng.bits() as u32, 1_772_409_700, 0x2000_0000);
        match self.channel {
            Channel::Standard => {
                let share = SubmitSharesStandard { channel_id: 1, sequence_number: n, job_id, nonce, ntime, version };
                w.send(Side::Client, 0x1a, true, share);
            }
            Channel::Extended(size) => {
                let extranonce = rng.bytes(size.into());
                let extranonce = (&extranonce[..]).try_into().unwrap();
                let share = SubmitSharesExtended {
                    channel_id: 1,
                    sequence_number: n,
                    job_id,
                    nonce,
                    ntime,
                    version,
                    extranonce,
                };
                w.send(Side::Client, 0x1b, true, share);
            }
        }
    }
}
