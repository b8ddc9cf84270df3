//! A Stratum V2 session by its reference implementation, each end in a namespace of its own: keys, certificate, frames
//! and what is asked for by each are real, only nothing is mined.

use std::io::{Read, Write};
use std::time::Duration;

use binary_sv2::{GetSize, Serialize, Sv2Option};
use codec_sv2::{
    Decrypted, Handshake, MessageFrame, NoiseDecoder, NoiseEncoder, TransportDecryptState, TransportEncryptState,
};
use common_messages_sv2::{Protocol, SetupConnection, SetupConnectionSuccess};
use mining_sv2::{
    NewMiningJob, OpenStandardMiningChannel, OpenStandardMiningChannelSuccess, SetNewPrevHash, SubmitSharesError,
    SubmitSharesStandard, SubmitSharesSuccess,
};
use noise_sv2::{
    ELLSWIFT_ENCODING_SIZE, INITIATOR_EXPECTED_HANDSHAKE_MESSAGE_SIZE as ANSWER_SIZE, Initiator, Responder,
};

/// Where the pool speaks it.
pub(crate) const PORT: u16 = 3339;
/// Shares of a session; the pool refuses the last.
const SHARES: u32 = 3;
const CHANNEL: u32 = 1;
/// The generator of the curve, which is the key of the secret 1.
const AUTHORITY: [u8; 32] = [
    0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07, 0x02, 0x9b, 0xfc,
    0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
];

/// Types of messages (sv2-spec, 08-Message-Types).
mod kind {
    pub(super) const SETUP: u8 = 0x00;
    pub(super) const SETUP_SUCCESS: u8 = 0x01;
    pub(super) const OPEN: u8 = 0x10;
    pub(super) const OPEN_SUCCESS: u8 = 0x11;
    pub(super) const JOB: u8 = 0x15;
    pub(super) const SHARE: u8 = 0x1a;
    pub(super) const SHARE_SUCCESS: u8 = 0x1c;
    pub(super) const SHARE_ERROR: u8 = 0x1d;
    pub(super) const PREV_HASH: u8 = 0x20;
}

/// One end after the handshake.
struct End<R, W> {
    reader: R,
    writer: W,
    decoder: NoiseDecoder,
    encrypt: TransportEncryptState,
    decrypt: Option<TransportDecryptState>,
}

impl<R: Read, W: Write> End<R, W> {
    fn send<T: Serialize + GetSize>(&mut self, kind: u8, channel: bool, message: T) {
        let frame = MessageFrame::from_message(message, kind, 0, channel).unwrap();
        let bytes = NoiseEncoder::new().encode_transport(frame, &mut self.encrypt).unwrap();
        self.writer.write_all(bytes.as_ref()).unwrap();
    }

    /// The type of the next message; none when the other end left.
    fn receive(&mut self) -> Option<u8> {
        loop {
            match self.decoder.next_transport_frame(self.decrypt.take().unwrap()).unwrap() {
                Decrypted::Frame(frame, state) => {
                    self.decrypt = Some(state);
                    return Some(frame.header().msg_type());
                }
                Decrypted::Incomplete(_, state) => self.decrypt = Some(state),
            }
            self.reader.read_exact(self.decoder.writable()).ok()?;
        }
    }
}

/// A pool's session; how many messages it had.
pub(crate) fn serve(mut reader: impl Read, mut writer: impl Write) -> usize {
    let mut first = [0; ELLSWIFT_ENCODING_SIZE];
    if reader.read_exact(&mut first).is_err() {
        return 0;
    }
    let mut secret = [0; 32];
    secret[31] = 1;
    let responder = Responder::from_authority_kp(&AUTHORITY, &secret, Duration::from_hours(1)).unwrap();
    let (answer, keys) = Handshake::responder(responder).step_1(first).unwrap();
    writer.write_all(answer.payload()).unwrap();
    let (encrypt, decrypt) = keys.split();
    let mut end = End { reader, writer, decoder: NoiseDecoder::new(), encrypt, decrypt: Some(decrypt) };
    let (mut said, mut shares) = (1, 0);
    while let Some(kind) = end.receive() {
        said += 1;
        match kind {
            kind::SETUP => end.send(kind::SETUP_SUCCESS, false, SetupConnectionSuccess { used_version: 2, flags: 0 }),
            kind::OPEN => open(&mut end),
            kind::SHARE => {
                shares += 1;
                answer_share(&mut end, shares);
            }
            other => panic!("a miner does not say {other:#04x}"),
        }
    }
    said
}

/// The answer to who asks for a channel, and the first job.
fn open(end: &mut End<impl Read, impl Write>) {
    let hash = [0x4d; 32];
    end.send(
        kind::OPEN_SUCCESS,
        false,
        OpenStandardMiningChannelSuccess {
            request_id: 1,
            channel_id: CHANNEL,
            target: (&hash).into(),
            extranonce_prefix: (&hash[..4]).try_into().unwrap(),
            group_channel_id: 0,
        },
    );
    end.send(
        kind::JOB,
        true,
        NewMiningJob {
            channel_id: CHANNEL,
            job_id: 1,
            min_ntime: Sv2Option::new(None),
            version: 0x2000_0000,
            merkle_root: (&hash).into(),
        },
    );
    end.send(
        kind::PREV_HASH,
        true,
        SetNewPrevHash {
            channel_id: CHANNEL,
            job_id: 1,
            prev_hash: (&hash).into(),
            min_ntime: 0x6553_f100,
            nbits: 0x1702_1c4a,
        },
    );
}

fn answer_share(end: &mut End<impl Read, impl Write>, n: u32) {
    if n < SHARES {
        let success = SubmitSharesSuccess {
            channel_id: CHANNEL,
            last_sequence_number: n,
            new_submits_accepted_count: 1,
            new_shares_sum: 512,
        };
        end.send(kind::SHARE_SUCCESS, true, success);
    } else {
        let error_code = "difficulty-too-low".try_into().unwrap();
        end.send(kind::SHARE_ERROR, true, SubmitSharesError { channel_id: CHANNEL, sequence_number: n, error_code });
    }
}

/// A miner's session, every request after the answer to the one before.
pub(crate) fn converse(mut reader: impl Read, mut writer: impl Write) {
    let initiator = Handshake::initiator(Initiator::from_raw_k(AUTHORITY).unwrap());
    let (first, initiator) = initiator.step_0().unwrap();
    writer.write_all(first.payload()).unwrap();
    let mut answer = [0; ANSWER_SIZE];
    reader.read_exact(&mut answer).unwrap();
    let (encrypt, decrypt) = initiator.step_2(answer).unwrap().split();
    let mut end = End { reader, writer, decoder: NoiseDecoder::new(), encrypt, decrypt: Some(decrypt) };
    let setup = SetupConnection {
        protocol: Protocol::MiningProtocol,
        min_version: 2,
        max_version: 2,
        flags: 1,
        endpoint_host: "pool.example".try_into().unwrap(),
        endpoint_port: PORT,
        vendor: "Example Asics".try_into().unwrap(),
        hardware_version: "".try_into().unwrap(),
        firmware: "".try_into().unwrap(),
        device_id: "".try_into().unwrap(),
    };
    end.send(kind::SETUP, false, setup);
    assert_eq!(end.receive(), Some(kind::SETUP_SUCCESS));
    let open = OpenStandardMiningChannel {
        request_id: 1,
        user_identity: crate::stub::USER.try_into().unwrap(),
        nominal_hash_rate: 1e14,
        max_target: (&[0xff; 32]).into(),
    };
    end.send(kind::OPEN, false, open);
    for wanted in [kind::OPEN_SUCCESS, kind::JOB, kind::PREV_HASH] {
        assert_eq!(end.receive(), Some(wanted));
    }
    for n in 1..=SHARES {
        let (job_id, nonce, ntime, version) = (1, 0x0a0b_0c00 + n, 0x6553_f100 + n, 0x2000_0000);
        let share = SubmitSharesStandard { channel_id: CHANNEL, sequence_number: n, job_id, nonce, ntime, version };
        end.send(kind::SHARE, true, share);
        let wanted = if n < SHARES { kind::SHARE_SUCCESS } else { kind::SHARE_ERROR };
        assert_eq!(end.receive(), Some(wanted));
    }
}
