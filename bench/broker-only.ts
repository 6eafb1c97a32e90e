/** Starts only the broker, without rules or journal, for `mqtt-load`: node bench/broker-only.ts [port] */
import { Broker } from '../src/broker/broker.ts'

const broker = new Broker({ limits: { maxOutputBytes: 64 * 1024 * 1024 } })
const port = await broker.listen({ type: 'tcp', host: '127.0.0.1', port: Number(process.argv[2] ?? 1883) })
console.log(`broker ${process.pid} on 127.0.0.1:${port}`)
process.on('SIGTERM', () => broker.stop())
process.on('SIGUSR2', () => console.log(JSON.stringify(broker.report())))
