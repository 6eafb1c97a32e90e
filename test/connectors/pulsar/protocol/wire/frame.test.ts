import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PulsarFault } from '../../../../../connectors/pulsar/protocol/fault.ts'
import { type CommandName, commands } from '../../../../../connectors/pulsar/protocol/wire/commands.ts'
import { crc32c } from '../../../../../connectors/pulsar/protocol/wire/crc32c.ts'
import { readEntry } from '../../../../../connectors/pulsar/protocol/wire/entry.ts'
import { FrameCutter, readFrame, writeCommand } from '../../../../../connectors/pulsar/protocol/wire/frame.ts'
import { readSingleMessages } from '../../../../../connectors/pulsar/protocol/wire/single-message.ts'
import { WireWriter } from '../../../../../connectors/pulsar/protocol/wire/writer.ts'

const frameOf = (write: (writer: WireWriter) => void): Buffer => {
  const writer = new WireWriter(16)
  write(writer)
  return writer.copy()
}
const ping = frameOf((writer) => writeCommand(writer, 'ping', {}))
const connect = frameOf((writer) =>
  writeCommand(writer, 'connect', {
    clientVersion: 'test',
    authMethod: 'token',
    authData: Buffer.from('abc'),
    protocolVersion: 21,
  }),
)

describe('Frames of the protocol', () => {
  test('are the bytes that a broker expects', () => {
    // total 9, command 5: type 18 (ping), field 18 empty
    assert.equal(ping.toString('hex'), '00000009' + '00000005' + '0812' + '920100')
    const body = `0a0474657374${'2a05746f6b656e'}${'1a03616263'}${'2015'}`
    assert.equal(connect.toString('hex'), `0000001c${'00000018'}${'0802'}${'1214'}${body}`)
  })

  test('say which command they hold; each command is read as it was written', () => {
    for (const name of Object.keys(commands) as CommandName[]) {
      const frame = readFrame(frameOf((writer) => writeCommand(writer, name, {})))
      assert.equal(frame.command?.name, name)
      assert.equal(frame.entryAt, frame.bytes.length)
    }
    const { command } = readFrame(connect)
    assert.ok(command?.name === 'connect')
    assert.equal(command.body.authMethod, 'token')
    assert.equal(Buffer.from(command.body.authData!).toString(), 'abc')
  })

  test('of a command that is not known are read without it', () => {
    assert.equal(readFrame(Buffer.from('00000009' + '00000005' + '0832' + '920300', 'hex')).command, null)
  })

  test('are cut out of the stream wherever it was torn', () => {
    const stream = Buffer.concat([ping, connect, ping, connect, connect])
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(sizes, (cuts) => {
        const cutter = new FrameCutter()
        const frames: string[] = []
        let at = 0
        for (let turn = 0; at < stream.length; turn++) {
          const size = cuts[turn % cuts.length]!
          cutter.push(stream.subarray(at, at + size), (frame) => frames.push(frame.toString('hex')))
          at += size
        }
        assert.deepEqual(
          frames,
          [ping, connect, ping, connect, connect].map((frame) => frame.toString('hex')),
        )
      }),
    )
  })

  test('above the limit, or shorter than their command, are faults of the protocol', () => {
    const isProtocol = (thrown: unknown): boolean => thrown instanceof PulsarFault && thrown.kind === 'protocol'
    assert.throws(() => new FrameCutter().push(Buffer.from('HTTP/1.1 400 Bad Request'), () => {}), isProtocol)
    assert.throws(() => readFrame(Buffer.from('0000000400000009', 'hex')), isProtocol)
  })
})

describe('CRC-32C', () => {
  test('has the values of the standard', () => {
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
    assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
    assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
    assert.equal(crc32c(Buffer.alloc(0)), 0)
  })

  test('can be taken piece by piece', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        const at = Math.min(cut, bytes.length)
        assert.equal(crc32c(bytes, at, bytes.length, crc32c(bytes, 0, at)), crc32c(bytes))
      }),
    )
  })
})

describe('Entries', () => {
  // producer "p", sequence 1, published at 2; 1 message in the batch
  const metadata = '0a0170' + '1001' + '1802' + '5801'
  // size 10: property a=b, body of 2 bytes; "hi"
  const single = `0000000a${'0a06' + '0a0161' + '120162'}${'1802'}${'6869'}`
  const rest = `00000009${metadata}${single}`
  const sum = crc32c(Buffer.from(rest, 'hex')).toString(16).padStart(8, '0')

  test('are read with their metadata and single messages', () => {
    const entry = readEntry(Buffer.from(`0e01${sum}${rest}`, 'hex'), 0)
    assert.equal(entry.metadata.producerName, 'p')
    assert.equal(entry.metadata.messageCount, 1)
    assert.equal(entry.brokerEntry, null)
    const [message] = readSingleMessages(entry.payload, 1)
    assert.deepEqual(message?.properties, [['a', 'b']])
    assert.equal(message?.payload.toString(), 'hi')
  })

  test('may begin with what the broker adds', () => {
    const entry = readEntry(Buffer.from(`0e02${'00000004'}${'0805' + '1007'}${'0e01'}${sum}${rest}`, 'hex'), 0)
    assert.deepEqual({ ...entry.brokerEntry }, { brokerTimeMs: 5, index: 7 })
  })

  test('with a flipped bit are told from whole ones', () => {
    const bytes = Buffer.from(`0e01${sum}${rest}`, 'hex')
    bytes[20]! ^= 1
    assert.throws(() => readEntry(bytes, 0), /checksum/)
  })
})
