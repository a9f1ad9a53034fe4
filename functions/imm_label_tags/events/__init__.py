"""What arrives: from the bytes that Function Compute hands over to the tasks that they announce.

``event`` reads the bytes, ``wrappings`` knows what the services put around a message, ``text`` and
``mns_xml`` how a message is written down, and ``imm_message`` what IMM says. All of it is pure.
"""
