"""Tokens that expire.

rotation        exchanges them for new ones
recovery_file   keeps new tokens until they are stored
"""
