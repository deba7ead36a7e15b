"""The Protocols between the library and the parts that it is given: model, tool, box, storage."""
