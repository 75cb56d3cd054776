"""The pieces that the end-to-end tests are told with."""
