export { OptionError } from '../domain/errors.ts'
export { createInspector, type Inspector, InspectorError, type InspectorOptions } from './inspector.ts'
export type { Present, Subject } from './present.ts'
