/** *Source*: Sparkplug 3.0, 4.2.1 "Topic Namespace Elements". */
export const sparkplugPrefix = 'spBv1.0/'

export type SparkplugKind = 'NBIRTH' | 'NDEATH' | 'NDATA' | 'NCMD' | 'DBIRTH' | 'DDEATH' | 'DDATA' | 'DCMD' | 'STATE'

export interface SparkplugTopic {
  readonly kind: SparkplugKind
  /** null of STATE. */
  readonly group: string | null
  /** The edge node; of STATE the host application. */
  readonly node: string
  /** null of what concerns the node itself. */
  readonly device: string | null
}

const ofNode: ReadonlySet<string> = new Set(['NBIRTH', 'NDEATH', 'NDATA', 'NCMD'])
const ofDevice: ReadonlySet<string> = new Set(['DBIRTH', 'DDEATH', 'DDATA', 'DCMD'])

/** null of a topic that is none of Sparkplug's. */
export function readTopic(topic: string): SparkplugTopic | null {
  if (!topic.startsWith(sparkplugPrefix)) return null
  const [, group = '', kind = '', node = '', device = null, ...more] = topic.split('/')
  if (group === 'STATE' && kind !== '' && node === '' && device === null) {
    return { kind: 'STATE', group: null, node: kind, device: null }
  }
  if (more.length > 0 || node === '' || device === '') return null
  const known = device === null ? ofNode.has(kind) : ofDevice.has(kind)
  return known ? { kind: kind as SparkplugKind, group, node, device } : null
}
