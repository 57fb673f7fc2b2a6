/**
 * Tells the world outside the program how it is: the service manager that started it, and the people that the configuration
 * names. An observer each, loaded only when somebody is there to be told. Spec: §12; CONTRACT §2.
 */
export { ServiceManagerLink, type Told } from "./service_manager.ts";
