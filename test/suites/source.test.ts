import { connectorContext } from '../support/delivery.ts'
import { Log, LogSource, logs } from '../support/log-connector.ts'
import { sourceSuite } from './source.ts'

sourceSuite('the log connector', {
  maxUnsettled: 20,
  quietMs: 20,
  make: async () => {
    const log = new Log()
    logs.set('lake', log)
    return {
      make: () => new LogSource({ publish: '${topic}/${key}' }, connectorContext('.')),
      put: async (records) => {
        for (const { key, value, headers } of records) log.put({ key, headers, payload: Buffer.from(value) })
      },
      unacknowledged: async () => log.records.length - log.position,
      stop: async () => {},
    }
  },
})
